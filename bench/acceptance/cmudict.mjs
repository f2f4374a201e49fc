// Pronunciation: CMUdict with the given split, stress stripped; a word is wrong when no reference matches.
//
//   node bench/acceptance/cmudict.mjs train NAME [--seconds 3600] [--seed 1] [--dropout 0.3] [--learning-rate 0.0015]
//     [--hidden 384] [--precision f32]
//   node bench/acceptance/cmudict.mjs ensemble NAME NAME...
//
// `train` keeps its model, of the weights that choose.mjs names, in runs/cmudict/NAME, and records its
// scores and curve in bench/results/cmudict-NAME.json.
import { parseArgs } from 'node:util'
import { metrics, optim, readLines, Seq2Seq, Tokenizer } from 'rnnative'
import { DATA, runCommand, timed, trainFor } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3600' },
    seed: { type: 'string', default: '1' },
    hidden: { type: 'string', default: '384' },
    precision: { type: 'string', default: 'f32' },
    dropout: { type: 'string', default: '0.3' },
    'learning-rate': { type: 'string', default: '0.0015' },
  },
})

/** Words with all their pronunciations. A line is `word PH ON EMES`, further ones `word(2) ...`. */
async function read(set) {
  const file = `${DATA}/g2p/cmudict/split-g2p-seq2seq-rule/cmudict.${set}.gz`
  const words = new Map()
  for (const line of await readLines(file)) {
    const [head, ...phonemes] = line.split('#')[0].trim().split(/\s+/)
    const word = head.replace(/\(\d+\)$/, '')
    const spoken = phonemes.map((phoneme) => phoneme.replace(/\d$/, '')).join(' ')
    if (!words.has(word)) words.set(word, new Set())
    words.get(word).add(spoken)
  }
  return [...words].map(([word, spoken]) => [word, [...spoken]])
}
const [training, validation, test] = await Promise.all(['train', 'dev', 'test'].map(read))

async function score(translator, pairs, beam) {
  const sources = pairs.map(([word]) => word)
  const { seconds, result } = await timed(() => translator.translate(sources, { beam, batch: 256 }))
  const texts = result.map(({ text }) => text)
  const references = pairs.map(([, spoken]) => spoken)
  return {
    wordErrorRate: 100 - metrics.exactMatch(texts, references).score,
    phonemeErrorRate: metrics.tokenErrorRate(texts, references).score,
    words: pairs.length,
    seconds,
  }
}
const validate = async (translator) => -(await score(translator, validation, 1)).wordErrorRate

const measure = async (translator) => ({
  validationGreedy: await score(translator, validation, 1),
  greedy: await score(translator, test, 1),
  beam5: await score(translator, test, 5),
})
const tell = (name, { greedy, beam5 }) =>
  console.log(
    `${name}: ${greedy.wordErrorRate.toFixed(2)}% of words wrong greedy, ${beam5.wordErrorRate.toFixed(2)}% with a beam of 5`,
  )

async function learn(own) {
  const [maxSeconds, seed] = [Number(values.seconds), Number(values.seed)]
  const source = Tokenizer.characters(training.map(([word]) => word))
  const target = Tokenizer.spaces(training.flatMap(([, spoken]) => spoken))
  const settings = {
    ...{ cell: 'lstm', layers: 2, hidden: Number(values.hidden), embedding: 128, attention: 'dot' },
    ...{ encoder: { bidirectional: true }, dropout: Number(values.dropout), seed },
    precision: values.precision,
  }
  const learning = { batchTokens: 1500, labelSmoothing: 0.1, clipNorm: 1, references: 'each' }
  const learningRate = Number(values['learning-rate'])
  const makeModel = () => new Seq2Seq({ source, target, ...settings })
  const options = { ...learning, optimizer: optim.adam({ lr: learningRate }) }
  const where = { validation, ...own }
  const { model, schedule, run } = await trainFor(maxSeconds, makeModel, training, options, where)
  const how = { ...settings, ...learning, learningRate, schedule }
  return { model, parameters: model.parameterCount, settings: how, run }
}

await runCommand('cmudict', positionals, { learn, validate, measure, tell })
