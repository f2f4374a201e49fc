// Language models with large vocabularies: steps a second with a full, an adaptive and a sampled softmax, in turns.
//
//   node bench/large-vocabulary.mjs [--seconds 20] [--rounds 3] [--only wikitext-2|synthetic] [--out <file>]
//
// `wikitext-2`: 2 x 650 over 33,278 words, 20 streams of 35 tokens. `synthetic`: 1 x 128 over 800,000 words, `lazy`, each in
// turn, with the most memory that the process has held by then. Words are as frequent as words are: the n-th as 1/n.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { info, LanguageModel, optim, Tokenizer } from 'rnnative'
import { circumstances } from './circumstances.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    out: { type: 'string', default: 'bench/results/large-vocabulary.json' },
  },
})
const maxSeconds = Number(values.seconds)
const [BATCH, TIME] = [20, 35]
const KINDS = ['full', 'adaptive', 'sampled']
const SHAPES = {
  'wikitext-2': {
    vocabulary: 33_278,
    model: { layers: 2, hidden: 650, embedding: 650 },
    optimizer: (kind) => optim.adam({ lr: 1e-3, lazy: kind === 'sampled' }),
  },
  synthetic: {
    vocabulary: 800_000,
    model: { layers: 1, hidden: 128, embedding: 128 },
    divisor: 2,
    optimizer: () => optim.adam({ lr: 1e-3, lazy: true }),
  },
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]

function draw(count, vocabulary) {
  let state = 1
  return Int32Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return Math.min(vocabulary - 1, Math.floor(vocabulary ** (state / 2 ** 31)))
  })
}

async function measure({ vocabulary, model, divisor, optimizer }, tokenizer, kind) {
  const lm = new LanguageModel({
    ...{ tokenizer, ...model, softmax: kind, seed: 1 },
    ...(kind === 'adaptive' && divisor && { divisor }),
  })
  const tokens = draw(400_000, vocabulary)
  const options = {
    batch: BATCH,
    steps: TIME,
    maxSeconds,
    optimizer: optimizer(kind),
  }
  const { step, seconds } = await lm.fit(tokens, options)
  await lm.dispose()
  return step / seconds
}

const rows = []
for (const [name, shape] of Object.entries(SHAPES)) {
  if (values.only !== undefined && values.only !== name) continue
  const words = Array.from({ length: shape.vocabulary - 1 }, (_, i) => `w${i}`)
  const tokenizer = Tokenizer.spaces(words.join(' '), {
    vocabulary: shape.vocabulary,
  })
  const speeds = Object.fromEntries(KINDS.map((kind) => [kind, []]))
  for (let round = 0; round < Number(values.rounds); ++round)
    for (const kind of KINDS) speeds[kind].push(await measure(shape, tokenizer, kind))
  const full = median(speeds.full)
  for (const kind of KINDS) {
    const [stepsPerSecond, peakGiB] = [
      median(speeds[kind]),
      process.resourceUsage().maxRSS / 2 ** 20,
    ]
    rows.push({
      name,
      vocabulary: shape.vocabulary,
      softmax: kind,
      stepsPerSecond,
      ratio: stepsPerSecond / full,
      peakGiB,
    })
    console.log(rows.at(-1))
  }
}
const { threads, isa } = info()
const settings = { batch: BATCH, time: TIME, seconds: maxSeconds, rounds: Number(values.rounds) }
const made = { ...circumstances(), threads, isa, ...settings, rows }
writeFileSync(values.out, `${JSON.stringify(made, null, 2)}\n`)
