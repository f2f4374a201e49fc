// Steps a second of a language model, 2 x 200, with a large vocabulary, as its embeddings are updated whole or by the rows that
// a step named (`lazy`); and of its layers and its embedding alone: a softmax over so many words hides what those take.
//
//   node bench/lazy.mjs [--seconds 8] [--rounds 3]
//
// Records bench/results/lazy.json.
import { parseArgs } from 'node:util'
import { LanguageModel, nn, ops, optim, scope, tensor, Tokenizer } from 'rnnative'
import { record } from './acceptance/seq2seq.mjs'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '8' }, rounds: { type: 'string', default: '3' } },
})
const maxSeconds = Number(values.seconds)
const ROUNDS = Number(values.rounds)
const [TIME, BATCH, HIDDEN] = [35, 20, 200]
const VOCABULARIES = [33_278, 200_000]

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]

/** As words are: the n-th is as frequent as 1/n. */
function draw(count, vocabulary, seed = 1) {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return Math.min(vocabulary - 1, Math.floor(vocabulary ** (state / 2 ** 31)))
  })
}

async function languageModel(vocabulary, lazy) {
  const words = Array.from({ length: vocabulary - 1 }, (_, i) => `w${i}`)
  const tokenizer = Tokenizer.spaces(words.join(' '))
  const text = draw(200_000, words.length)
    .map((i) => words[i])
    .join(' ')
  const sizes = { layers: 2, hidden: HIDDEN, embedding: HIDDEN, seed: 1 }
  const model = new LanguageModel({ tokenizer, ...sizes })
  const optimizer = optim.adam({ lr: 1e-3, lazy })
  const { step, seconds } = await model.fit(text, {
    batch: BATCH,
    steps: TIME,
    maxSeconds,
    optimizer,
  })
  await model.dispose()
  return step / seconds
}

/** Steps of a table by itself, or of `layers` that read it, as a classifier or an encoder has. */
async function reading(layers, vocabulary, lazy) {
  const module = new nn.Sequential(
    new nn.Embedding(vocabulary, HIDDEN, { seed: 1 }),
    ...(layers > 0 ? [new nn.LSTM({ input: HIDDEN, hidden: HIDDEN, layers, seed: 2 })] : []),
  )
  const optimizer = optim.adam({ lazy }).bind(module)
  const ids = tensor(draw(TIME * BATCH, vocabulary), [TIME, BATCH], { dtype: 'i32' })
  const step = async () => {
    optimizer.zeroGrad()
    scope(() => ops.mean(ops.square(module.forward(ids))).backward())
    const norm = optimizer.step({ clipNorm: 1 })
    await norm.item()
    norm.dispose()
  }
  await step()
  const began = performance.now()
  let steps = 0
  while (performance.now() - began < maxSeconds * 500 || steps < 5) {
    await step()
    ++steps
  }
  const speed = (steps * 1000) / (performance.now() - began)
  for (const used of [ids, optimizer, module]) used.dispose()
  return speed
}

const KINDS = {
  'language model, 2 x 200': languageModel,
  'LSTM, 2 x 200, without a softmax': (...of) => reading(2, ...of),
  'the embedding alone': (...of) => reading(0, ...of),
}

const rows = []
for (const vocabulary of VOCABULARIES)
  for (const [what, measure] of Object.entries(KINDS)) {
    const speeds = { dense: [], lazy: [] }
    for (let i = 0; i < ROUNDS; ++i)
      for (const how of ['dense', 'lazy'])
        speeds[how].push(await measure(vocabulary, how === 'lazy'))
    const row = { what, vocabulary, dense: median(speeds.dense), lazy: median(speeds.lazy) }
    row.noise = (Math.max(...speeds.lazy) - Math.min(...speeds.lazy)) / 2 / row.lazy
    rows.push({ ...row, ratio: row.lazy / row.dense })
    console.log(rows.at(-1))
  }
record('lazy', {
  time: TIME,
  batch: BATCH,
  hidden: HIDDEN,
  optimizer: 'adam',
  stepsPerSecond: rows,
})
