// Copies and reverses sequences of 1 to 25 of 26 letters: 1,000 unseen ones, exact match.
//
//   node bench/acceptance/reversal.mjs [--seconds 240] [--seed 1]
//
// Records bench/results/reversal.json.
import { parseArgs } from 'node:util'
import { metrics, optim, Seq2Seq, Tokenizer } from 'rnnative'
import { record, timed, train } from './seq2seq.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
  },
})
const [maxSeconds, seed] = [Number(values.seconds), Number(values.seed)]
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz']

/** Mulberry32. */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

function sequences(count, random, without = new Set()) {
  const found = new Set()
  while (found.size < count) {
    const length = 1 + Math.floor(25 * random())
    const text = Array.from({ length }, () => LETTERS[Math.floor(26 * random())]).join('')
    // Of single letters there are no more than 26.
    if (!without.has(text)) found.add(text)
  }
  return [...found]
}

const TASKS = { copy: (text) => text, reversal: (text) => [...text].reverse().join('') }
const results = {}
for (const [name, answer] of Object.entries(TASKS)) {
  const random = generator(seed)
  const unseen = sequences(1000, random)
  const learned = sequences(50_000, random, new Set(unseen))
  const pairs = (texts) => texts.map((text) => [text, answer(text)])
  const tokenizer = Tokenizer.characters(LETTERS)
  const settings = {
    ...{ cell: 'gru', hidden: 128, embedding: 64, attention: 'additive', seed },
    encoder: { bidirectional: true },
  }
  const learning = { batchTokens: 2000, clipNorm: 1 }
  const learningRate = 3e-3
  const model = new Seq2Seq({ source: tokenizer, target: tokenizer, ...settings })
  const run = await train(model, pairs(learned), {
    ...{ ...learning, maxSeconds, validation: pairs(sequences(500, random, new Set(unseen))) },
    optimizer: optim.adam({ lr: learningRate }),
    schedule: optim.schedule.exponential({ gamma: 0.8 }),
  })
  const { seconds, result } = await timed(() => model.translate(unseen, { beam: 1 }))
  const texts = result.map(({ text }) => text)
  const { score, matched, total } = metrics.exactMatch(texts, unseen.map(answer))
  console.log(`${name}: ${matched} of ${total} exact, ${run.seconds} s of training`)
  const parameters = model.parameterCount
  await model.dispose()
  const how = { ...settings, ...learning, learningRate, gamma: 0.8 }
  results[name] = {
    score,
    matched,
    total,
    decodingSeconds: seconds,
    parameters,
    settings: how,
    run,
  }
}
record('reversal', results)
