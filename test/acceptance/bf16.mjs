// The demo's character model (LSTM 2x128, Moby-Dick) trained for the same steps from the same seed in f32 and in
// bf16: the validation losses must lie within 0.5% of each other.
//
//   node test/acceptance/bf16.mjs [--steps 600]
//
// Writes bench/results/bf16-lm.json, unless --steps says otherwise than 600.
import { parseArgs } from 'node:util'
import { LanguageModel, optim, Tokenizer } from 'rnnative'
import { book, record } from './book.mjs'

const STEPS = 600
const TOLERANCE = 0.005

const { values } = parseArgs({ options: { steps: { type: 'string', default: String(STEPS) } } })
const maxSteps = Number(values.steps)
if (!(Number.isSafeInteger(maxSteps) && maxSteps > 0)) throw new Error('--steps: a whole number')

const text = book()
const cut = Math.floor(text.length * 0.95)
const tokenizer = Tokenizer.characters(text)
const [tokens, validation] = [text.slice(0, cut), text.slice(cut)].map((part) =>
  tokenizer.encode(part),
)

async function train(precision) {
  const model = new LanguageModel({
    tokenizer,
    ...{ cell: 'lstm', layers: 2, hidden: 128, embedding: 128, seed: 1, precision },
  })
  const { loss, step, seconds } = await model.fit(tokens, {
    ...{ batch: 50, steps: 50, clipNorm: 1, maxSteps },
    optimizer: optim.adam({ lr: 4e-3 }),
  })
  const { nats } = await model.evaluate(validation)
  await model.dispose()
  console.log(
    `${precision}: ${nats.toFixed(5)} nats after step ${step}, ${seconds.toFixed(1)} s of training`,
  )
  return { step, loss, validation: nats, seconds }
}

const [f32, bf16] = [await train('f32'), await train('bf16')]
const difference = bf16.validation / f32.validation - 1
const passed = Math.abs(difference) <= TOLERANCE
console.log(
  `bf16 is ${(100 * difference).toFixed(3)}% from f32, ${(100 * TOLERANCE).toFixed(1)}% allowed: ${passed ? 'passed' : 'FAILED'}`,
)
if (maxSteps === STEPS) record('bf16-lm', { passed, difference, tolerance: TOLERANCE, f32, bf16 })
process.exitCode = passed ? 0 : 1
