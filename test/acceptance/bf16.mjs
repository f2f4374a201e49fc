// The demo's character model (LSTM 2x128, Moby-Dick) trained for the same steps from the same seed in f32 and in
// bf16: the validation losses must lie within 0.5% of each other.
//
//   node test/acceptance/bf16.mjs [--steps 600]
//
// Writes bench/results/bf16-lm.json, unless --steps says otherwise than 600.
import { bookInCharacters, record, STEPS, stepsAsked, train } from './book.mjs'

const TOLERANCE = 0.005

const maxSteps = stepsAsked()
const text = bookInCharacters()

async function measure(precision) {
  const { model, result } = await train(text, maxSteps, precision)
  const { loss, step, seconds } = result
  const { nats } = await model.evaluate(text.validation)
  await model.dispose()
  console.log(
    `${precision}: ${nats.toFixed(5)} nats after step ${step}, ${seconds.toFixed(1)} s of training`,
  )
  return { step, loss, validation: nats, seconds }
}

const [f32, bf16] = [await measure('f32'), await measure('bf16')]
const difference = bf16.validation / f32.validation - 1
const passed = Math.abs(difference) <= TOLERANCE
console.log(
  `bf16 is ${(100 * difference).toFixed(3)}% from f32, ${(100 * TOLERANCE).toFixed(1)}% allowed: ${passed ? 'passed' : 'FAILED'}`,
)
if (maxSteps === STEPS) record('bf16-lm', { passed, difference, tolerance: TOLERANCE, f32, bf16 })
process.exitCode = passed ? 0 : 1
