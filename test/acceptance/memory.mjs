// Memory over 1,000 training steps: tensors, the peak of their bytes and resident memory, taken after every
// 50 steps, must not grow by more than 2% over what they were after step 100. Then 10,000 tensors are made and
// disposed in one synchronous loop. V8's live heap is recorded too.
//
//   node --expose-gc test/acceptance/memory.mjs
//
// Each block ends with a full collection. Without one, resident memory also holds the garbage that V8 has
// not collected yet: a few hundred bytes a step (the events of `fit`) until its next full collection.
import { LanguageModel, memory, optim, synchronize, Tokenizer, zeros } from 'rnnative'
import { book, record } from './book.mjs'

const STEPS = 1000
const BLOCK = 50
const TOLERANCE = 0.02

const collect = globalThis.gc
if (collect === undefined) throw new Error('run it with node --expose-gc')

const resident = () => {
  collect()
  const { rss, heapUsed } = process.memoryUsage()
  return { resident: rss, heap: heapUsed }
}

/** The largest growth since the first entry, relative to it. */
const growth = (entries, name) =>
  Math.max(...entries.map((entry) => entry[name] / entries[0][name] - 1))

const text = book()
const model = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 128, seed: 1 })
const tokens = model.tokenizer.encode(text)
const training = []
const options = { batch: 50, steps: 50, optimizer: optim.adam({ lr: 4e-3 }), maxSteps: STEPS + 1 }
let most = 0 // tensors in the block: a sample may fall anywhere within a step
for await (const { step } of model.fit(tokens, options)) {
  const { tensors, peakBytes } = memory().devices.cpu
  most = Math.max(most, tensors)
  if (step % BLOCK !== 0 || step > STEPS) continue
  const block = { steps: `${step - BLOCK + 1}-${step}`, tensors: most, peakBytes }
  if (step > BLOCK) training.push({ ...block, ...resident() })
  most = 0
}
await model.dispose()

await synchronize()
const loop = [resident()]
for (let i = 1; i <= 10_000; ++i) {
  zeros([256, 256]).dispose()
  if (i % 1000 === 0) loop.push(resident())
}
await synchronize()
loop.push(resident())

const grown = {
  tensors: growth(training, 'tensors'),
  peakBytes: growth(training, 'peakBytes'),
  resident: growth(training, 'resident'),
  residentInLoop: growth(loop, 'resident'),
}
const passed = Object.values(grown).every((value) => value <= TOLERANCE)
record('memory', { passed, growth: grown, training, loop })
process.exitCode = passed ? 0 : 1
