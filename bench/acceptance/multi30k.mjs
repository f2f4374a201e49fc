// Multi30k English to German (lc.norm.tok files, test_2016_flickr), BLEU with tokenisation none.
//
//   node bench/acceptance/multi30k.mjs train NAME [--seconds 3600] [--seed 1] [--attention additive] [--reverse-source]
//   node bench/acceptance/multi30k.mjs ensemble NAME NAME...
//
// `train` keeps its best checkpoint by validation loss in runs/multi30k/NAME, and records its scores and
// curve in bench/results/multi30k-NAME.json; `ensemble` decodes with several of them together.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { metrics, optim, readPairs, Seq2Seq, Seq2SeqEnsemble, Tokenizer } from 'rnnative'
import { DATA, load, record, timed, train } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3600' },
    seed: { type: 'string', default: '1' },
    attention: { type: 'string', default: 'additive' },
    'reverse-source': { type: 'boolean', default: false },
  },
})
const [command, ...names] = positionals
const folder = (name) => path.resolve('runs/multi30k', name)
const files = (set) =>
  ['en', 'de'].map((side) => `${DATA}/translation/multi30k/tok/${set}.lc.norm.tok.${side}.gz`)
const [training, validation, test] = await Promise.all(
  ['train', 'val', 'test_2016_flickr'].map((set) => readPairs(...files(set))),
)

const VOCABULARY = 5000
const DECODING = { beam: 5, lengthPenalty: 1 }

async function measure(translator) {
  const sources = (pairs) => pairs.map(([source]) => source)
  const score = async (pairs, options) => {
    const { seconds, result } = await timed(() => translator.translate(sources(pairs), options))
    const texts = result.map(({ text }) => text)
    const references = pairs.map(([, target]) => target)
    const { score: bleu, signature } = metrics.bleu(texts, references, { tokenize: 'none' })
    return { bleu, seconds, signature }
  }
  const { bleu: validationBleu } = await score(validation, DECODING)
  const { bleu: greedy } = await score(test, { beam: 1 })
  const { bleu, seconds, signature } = await score(test, DECODING)
  return { bleu, greedy, validationBleu, signature, decoding: DECODING, decodingSeconds: seconds }
}

if (command === 'train') {
  const [name = 'main'] = names
  const [maxSeconds, seed] = [Number(values.seconds), Number(values.seed)]
  const tokenizer = Tokenizer.bpe(training.flat(), { vocabulary: VOCABULARY })
  const settings = {
    ...{ cell: 'gru', hidden: 320, embedding: 256, attention: values.attention },
    ...{ encoder: { bidirectional: values.attention !== 'none' }, tieEmbeddings: 'all' },
    ...{ reverseSource: values['reverse-source'], dropout: 0.3, seed },
  }
  const learning = { batchTokens: 2000, labelSmoothing: 0.1, clipNorm: 1 }
  const [learningRate, gamma] = [1e-3, 0.93]
  const model = new Seq2Seq({ source: tokenizer, target: tokenizer, ...settings })
  const run = await train(model, training, {
    ...{ ...learning, maxSeconds, validation, checkpoint: folder(name) },
    optimizer: optim.adam({ lr: learningRate }),
    schedule: optim.schedule.exponential({ gamma }),
  })
  const last = await measure(model)
  await model.dispose()
  const best = await load(folder(name))
  const scores = await measure(best)
  await best.dispose()
  console.log(`${name}: BLEU ${scores.bleu.toFixed(2)}, of the last step ${last.bleu.toFixed(2)}`)
  record(`multi30k-${name}`, {
    ...{ ...scores, last, parameters: model.parameterCount },
    settings: { ...settings, ...learning, learningRate, gamma, vocabulary: VOCABULARY },
    run,
  })
} else if (command === 'ensemble' && names.length > 1) {
  const models = await Promise.all(names.map((name) => load(folder(name))))
  const scores = await measure(new Seq2SeqEnsemble(models))
  for (const model of models) await model.dispose()
  console.log(`${names.join(' + ')}: BLEU ${scores.bleu.toFixed(2)}`)
  record('multi30k-ensemble', { members: names, ...scores })
} else {
  console.error('usage: multi30k.mjs train NAME | ensemble NAME NAME...')
  process.exitCode = 2
}
