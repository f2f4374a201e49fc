// Memory over 1,000 training steps: tensors, their bytes and resident memory, as medians
// over 50 steps, must stay within 2% of what they were in steps 51 to 100. Then 10,000 tensors are made and disposed in one synchronous loop.
//
//   node test/acceptance/memory.mjs
import { LanguageModel, memory, optim, synchronize, Tokenizer, zeros } from 'rnnative'
import { book, record } from './book.mjs'

const STEPS = 1000
const TOLERANCE = 0.02

const sample = () => {
  const { tensors, bytes } = memory().devices.cpu
  return { tensors, bytes, resident: process.memoryUsage.rss() }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

/** Medians over a block of samples: one sample may fall between two ops of a step. */
const summary = (samples) =>
  Object.fromEntries(
    ['tensors', 'bytes', 'resident'].map((name) => [
      name,
      median(samples.map((entry) => entry[name])),
    ]),
  )

/** The largest relative deviation from the first entry. */
const spread = (entries, name) =>
  Math.max(...entries.map((entry) => Math.abs(entry[name] / entries[0][name] - 1)))

const text = book()
const model = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 128, seed: 1 })
const tokens = model.tokenizer.encode(text)
const samples = []
const options = { batch: 50, steps: 50, optimizer: optim.adam({ lr: 4e-3 }), maxSteps: STEPS + 1 }
for await (const { step } of model.fit(tokens, options)) if (step <= STEPS) samples.push(sample())
const training = []
for (let begin = 50; begin < STEPS; begin += 50)
  training.push({
    steps: `${begin + 1}-${begin + 50}`,
    ...summary(samples.slice(begin, begin + 50)),
  })
await model.dispose()

await synchronize()
const loop = [sample()]
for (let i = 1; i <= 10_000; ++i) {
  zeros([256, 256]).dispose()
  if (i % 1000 === 0) loop.push(sample())
}
await synchronize()
loop.push(sample())

const deviation = {
  tensors: spread(training, 'tensors'),
  bytes: spread(training, 'bytes'),
  resident: spread(training, 'resident'),
  residentInLoop: spread(loop, 'resident'),
}
const passed = Object.values(deviation).every((value) => value <= TOLERANCE)
record('memory', { passed, deviation, training, loop })
process.exitCode = passed ? 0 : 1
