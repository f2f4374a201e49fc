// Steps a second of a language model, 2 x 200, with a large vocabulary, as its embeddings are updated whole or by the rows that
// a step named (`lazy`); and of the embeddings alone, whose share of a step a softmax over so many words hides.
//
//   node bench/lazy.mjs [--seconds 8] [--rounds 3]
//
// Records bench/results/lazy.json.
import { parseArgs } from 'node:util'
import { LanguageModel, nn, ops, optim, scope, synchronize, tensor, Tokenizer } from 'rnnative'
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

/** A step of a table by itself. */
async function table(vocabulary, lazy) {
  const own = new nn.Embedding(vocabulary, HIDDEN, { seed: 1 })
  const optimizer = optim.adam({ lazy }).bind(own)
  const ids = tensor(draw(TIME * BATCH, vocabulary), [TIME, BATCH], { dtype: 'i32' })
  const step = async () => {
    optimizer.zeroGrad()
    scope(() => ops.sum(own.forward(ids)).backward())
    const norm = optimizer.step({ clipNorm: 1 })
    await norm.item()
    norm.dispose()
  }
  await step()
  const began = performance.now()
  let steps = 0
  while (performance.now() - began < maxSeconds * 250 || steps < 5) {
    await step()
    ++steps
  }
  await synchronize()
  const speed = (steps * 1000) / (performance.now() - began)
  ids.dispose()
  optimizer.dispose()
  own.dispose()
  return speed
}

const rows = []
for (const vocabulary of VOCABULARIES)
  for (const [what, measure] of Object.entries({ languageModel, table })) {
    const speeds = { dense: [], lazy: [] }
    for (let i = 0; i < ROUNDS; ++i)
      for (const how of ['dense', 'lazy'])
        speeds[how].push(await measure(vocabulary, how === 'lazy'))
    const row = { what, vocabulary, dense: median(speeds.dense), lazy: median(speeds.lazy) }
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
