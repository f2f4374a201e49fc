// What one sentence takes to translate: a GRU of 320 with additive attention, as Multi30k's, greedy and by a beam of 5,
// on one thread and on two in turn, in f32 and in int8. Weights are random, so lengths are forced.
//
//   node bench/latency.mjs [--vocabulary 10000] [--words 12] [--steps 12] [--seconds 2] [--rounds 5]
//     [--precision f32,int8] [--profile] [--out bench/results/latency.json]
//
// `--profile` tells where the engine's time goes besides.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { profile, Seq2Seq, setThreads, Tokenizer } from 'rnnative'
import { circumstances } from './circumstances.mjs'

const { values } = parseArgs({
  options: {
    vocabulary: { type: 'string', default: '10000' },
    words: { type: 'string', default: '12' },
    steps: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    precision: { type: 'string', default: 'f32,int8' },
    profile: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const [VOCABULARY, WORDS, STEPS] = [values.vocabulary, values.words, values.steps].map(Number)
const milliseconds = Number(values.seconds) * 1000
const PRECISIONS = values.precision.split(',')
const WAYS = PRECISIONS.flatMap((precision) =>
  [1, 2].flatMap((threads) => [1, 5].map((beam) => ({ precision, threads, beam }))),
)

const words = Array.from({ length: VOCABULARY - 3 }, (_, i) => `w${i}`)
const tokenizer = Tokenizer.ofWords(words)
const sentence = (seed) =>
  Array.from({ length: WORDS }, (_, i) => words[(seed * 7919 + i * 104729) % words.length]).join(
    ' ',
  )

const models = new Map(
  PRECISIONS.map((precision) => [
    precision,
    new Seq2Seq({
      ...{ source: tokenizer, target: tokenizer, cell: 'gru', hidden: 320, embedding: 256 },
      ...{ attention: 'additive', encoder: { bidirectional: true }, tieEmbeddings: 'all' },
      ...{ seed: 1, precision },
    }),
  ]),
)
let asked = 0
const translate = ({ precision, beam }) =>
  models.get(precision).translate([sentence(asked++)], { beam, minLength: STEPS, maxLength: STEPS })

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]

/** Milliseconds of each sentence. */
async function timesOf(way, most) {
  setThreads(way.threads)
  const times = []
  for (const began = performance.now(); performance.now() - began < most;) {
    const start = performance.now()
    await translate(way)
    times.push(performance.now() - start)
  }
  return times
}

const all = WAYS.map((way) => ({ ...way, times: [] }))
for (const way of all) await timesOf(way, 500) // warm
for (let round = 0; round < Number(values.rounds); ++round)
  for (const way of all)
    way.times.push(...(await timesOf(way, milliseconds / Number(values.rounds))))

const results = all.map(({ precision, threads, beam, times }) => {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share) => Number((sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(3))
  const sentence = Number(median(times).toFixed(3))
  const step = Number((sentence / (STEPS + 1)).toFixed(3))
  const spread = { tenth: at(0.1), ninetieth: at(0.9), runs: times.length }
  return { precision, threads, beam, sentence, step, ...spread }
})
for (const { precision, threads, beam, sentence, step, tenth, ninetieth } of results)
  console.log(
    `${precision}, ${threads} thread${threads > 1 ? 's' : ''}, ${beam > 1 ? `beam ${beam}` : 'greedy'}: ` +
      `${sentence.toFixed(2)} ms a sentence (${tenth} to ${ninetieth}), ${step.toFixed(3)} ms a step`,
  )

if (values.profile)
  for (const way of WAYS) {
    const { precision, threads, beam } = way
    setThreads(threads)
    const COUNT = 20
    const rows = await profile(async () => {
      for (let i = 0; i < COUNT; ++i) await translate(way)
    })
    console.log(
      `${precision}, ${threads} threads, beam ${beam}: milliseconds of the engine a sentence, and calls`,
    )
    for (const { op, milliseconds: ms, calls } of rows.toSorted(
      (a, b) => b.milliseconds - a.milliseconds,
    ))
      console.log(
        `  ${op.padEnd(24)} ${(ms / COUNT).toFixed(3)}  ${((calls ?? 0) / COUNT).toFixed(1)}`,
      )
  }
for (const model of models.values()) await model.dispose()

if (values.out) {
  const settings = { vocabulary: VOCABULARY, words: WORDS, steps: STEPS }
  const record = { ...circumstances(), node: process.version, ...settings, unit: 'ms', results }
  writeFileSync(values.out, `${JSON.stringify(record, null, 2)}\n`)
}
