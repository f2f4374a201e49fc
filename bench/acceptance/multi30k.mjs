// Multi30k English to German (lc.norm.tok files, test_2016_flickr), BLEU with tokenisation none.
//
//   node bench/acceptance/multi30k.mjs train NAME [--seconds 3600] [--seed 1] [--dropout 0.3] [--learning-rate 0.001]
//     [--attention additive] [--reverse-source] [--precision f32] [--device cpu]
//   node bench/acceptance/multi30k.mjs ensemble NAME NAME...
//
// `train` keeps its model, of the weights that choose.mjs names, in runs/multi30k/NAME, and records its
// scores and curve in bench/results/multi30k-NAME.json; `ensemble` decodes with several of them together.
import { parseArgs } from 'node:util'
import { metrics, optim, readPairs, Seq2Seq, Tokenizer } from 'rnnative'
import { DATA, runCommand, timed, trainFor } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3600' },
    seed: { type: 'string', default: '1' },
    precision: { type: 'string', default: 'f32' },
    device: { type: 'string', default: 'cpu' },
    dropout: { type: 'string', default: '0.3' },
    'learning-rate': { type: 'string', default: '0.001' },
    attention: { type: 'string', default: 'additive' },
    'reverse-source': { type: 'boolean', default: false },
  },
})
const files = (set) =>
  ['en', 'de'].map((side) => `${DATA}/translation/multi30k/tok/${set}.lc.norm.tok.${side}.gz`)
const [training, validation, test] = await Promise.all(
  ['train', 'val', 'test_2016_flickr'].map((set) => readPairs(...files(set))),
)

const VOCABULARY = 5000
const DECODING = { beam: 5, lengthPenalty: 1 }

async function score(translator, pairs, options) {
  const sources = pairs.map(([source]) => source)
  const { seconds, result } = await timed(() => translator.translate(sources, options))
  const texts = result.map(({ text }) => text)
  const references = pairs.map(([, target]) => target)
  const { score: bleu, signature } = metrics.bleu(texts, references, { tokenize: 'none' })
  return { bleu, seconds, signature }
}
const validate = async (translator) => (await score(translator, validation, DECODING)).bleu

async function measure(translator) {
  const validationBleu = await validate(translator)
  const { bleu: greedy } = await score(translator, test, { beam: 1 })
  const { bleu, seconds, signature } = await score(translator, test, DECODING)
  return { bleu, greedy, validationBleu, signature, decoding: DECODING, decodingSeconds: seconds }
}

const tell = (name, { bleu }) => console.log(`${name}: BLEU ${bleu.toFixed(2)}`)

async function learn(own) {
  const [maxSeconds, seed] = [Number(values.seconds), Number(values.seed)]
  const tokenizer = Tokenizer.bpe(training.flat(), { vocabulary: VOCABULARY })
  const settings = {
    ...{ cell: 'gru', hidden: 320, embedding: 256, attention: values.attention },
    ...{ encoder: { bidirectional: values.attention !== 'none' }, tieEmbeddings: 'all' },
    ...{ reverseSource: values['reverse-source'], dropout: Number(values.dropout), seed },
    ...{ precision: values.precision, device: values.device },
  }
  const learning = { batchTokens: 2000, labelSmoothing: 0.1, clipNorm: 1 }
  const learningRate = Number(values['learning-rate'])
  const makeModel = () => new Seq2Seq({ source: tokenizer, target: tokenizer, ...settings })
  const options = { ...learning, optimizer: optim.adam({ lr: learningRate }) }
  const where = { validation, ...own }
  const { model, schedule, run } = await trainFor(maxSeconds, makeModel, training, options, where)
  const how = { ...settings, ...learning, vocabulary: VOCABULARY, learningRate, schedule }
  return { model, parameters: model.parameterCount, settings: how, run }
}

await runCommand('multi30k', positionals, { learn, validate, measure, tell })
