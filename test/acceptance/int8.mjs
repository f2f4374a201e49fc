// The demo's character model (LSTM 2x128, Moby-Dick), trained in f32: in int8 its validation loss must lie within 0.5%, from a file of
// whole weights and from one in int8.
//
//   node test/acceptance/int8.mjs [--steps 600]
//
// Writes bench/results/int8-lm.json, unless --steps says otherwise than 600.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LanguageModel } from 'rnnative'
import { bookInCharacters, record, STEPS, stepsAsked, train } from './book.mjs'

const TOLERANCE = 0.005

const maxSteps = stepsAsked()
const text = bookInCharacters()

const folder = mkdtempSync(join(tmpdir(), 'rnnative-int8-'))
const at = (name) => join(folder, name)
const bytesOf = (name) => statSync(join(at(name), 'model.safetensors')).size
let passed
try {
  const { model } = await train(text, maxSteps, 'f32')
  const f32 = (await model.evaluate(text.validation)).nats
  await model.save(at('f32'))
  await model.save(at('int8'), { precision: 'int8' })
  await model.dispose()
  const scores = {}
  for (const file of ['f32', 'int8']) {
    const small = await LanguageModel.load(at(file), { precision: 'int8' })
    scores[file] = (await small.evaluate(text.validation)).nats
    await small.dispose()
  }
  const differences = Object.values(scores).map((nats) => nats / f32 - 1)
  passed = differences.every((difference) => Math.abs(difference) <= TOLERANCE)
  const sizes = { f32: bytesOf('f32'), int8: bytesOf('int8') }
  console.log(`f32: ${f32.toFixed(5)} nats, ${sizes.f32} bytes; int8: ${sizes.int8} bytes`)
  console.log(
    `int8 is ${differences.map((d) => `${(100 * d).toFixed(3)}%`).join(' and ')} from f32, ` +
      `${(100 * TOLERANCE).toFixed(1)}% allowed: ${passed ? 'passed' : 'FAILED'}`,
  )
  if (maxSteps === STEPS)
    record('int8-lm', { passed, tolerance: TOLERANCE, f32, int8: scores, sizes })
} finally {
  rmSync(folder, { recursive: true })
}
process.exitCode = passed ? 0 : 1
