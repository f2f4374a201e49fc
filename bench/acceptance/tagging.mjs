// A tagger on real data: trained with an average of its weights, measured on the development set after each pass; the weights of
// the best pass are looked at once on the test set where --test is given.
//
//   node bench/acceptance/tagging.mjs wnut|wikiann|cluener|ewt [--epochs N] [--seed N] [--options JSON] [--rate X]
//       [--vectors FILE] [--test]
//
// --vectors: those that words begin with, of bench/acceptance/vectors.mjs.
//
// Records bench/results/tagging-TASK.json with --test. CLUENER's test set has no labels: its development set is what
// results are told of, and a tenth of the training set chooses.
import { parseArgs } from 'node:util'
import { data, io, optim, readText, SequenceTagger, setThreads } from 'rnnative'
import { DATA, named, record } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    options: { type: 'string', default: '{}' },
    fit: { type: 'string', default: '{}' },
    rate: { type: 'string' },
    vectors: { type: 'string' },
    threads: { type: 'string', default: '1' },
    runs: { type: 'string', default: 'runs/tagging' },
    test: { type: 'boolean', default: false },
  },
})

const conll = async (file, options) => data.readConll(`${DATA}/${file}`, options)
/** WikiANN's words begin with their language. */
const plain = (sentences) =>
  sentences.map(({ words, tags }) => ({
    words: words.map((word) => word.replace(/^en:/, '')),
    tags,
  }))

/** CLUENER: objects one after the other, entities by type and text with first and last character. */
async function cluener(file) {
  const text = await readText(`${DATA}/ner/cluener/${file}`)
  const all = JSON.parse(`[${text.trim().replace(/\n\}\s*\n\{/g, '\n},\n{')}]`)
  return all.map(({ text, label }) => {
    const words = Array.from(text)
    const tags = words.map(() => 'O')
    for (const [type, texts] of Object.entries(label))
      for (const spans of Object.values(texts))
        for (const [first, last] of spans)
          for (let i = first; i <= last; ++i) tags[i] = `${i === first ? 'B' : 'I'}-${type}`
    // Blanks are characters of these texts.
    return { words: words.map((one) => (one.trim() === '' ? '\u2423' : one)), tags }
  })
}

const TASKS = {
  wnut: {
    read: async () => [
      await conll('ner/wnut17/wnut17train.conll.gz'),
      await conll('ner/wnut17/emerging.dev.conll.gz'),
      () => conll('ner/wnut17/emerging.test.annotated.gz'),
    ],
    options: { hidden: 100, embedding: 100, dropout: 0.5, letterHidden: 50, letterEmbedding: 30 },
    epochs: 30,
    rate: 2e-3,
  },
  wikiann: {
    read: async () => [
      plain(await conll('ner/wikiann-en/train.gz')),
      plain(await conll('ner/wikiann-en/dev.gz')),
      async () => plain(await conll('ner/wikiann-en/test.gz')),
    ],
    options: { hidden: 150, embedding: 100, dropout: 0.5, letterHidden: 50, letterEmbedding: 30 },
    epochs: 12,
    rate: 2e-3,
  },
  cluener: {
    read: async () => {
      const all = await cluener('train.json.gz')
      const isHeld = (_, i) => i % 10 === 9
      return [
        all.filter((one, i) => !isHeld(one, i)),
        all.filter(isHeld),
        () => cluener('dev.json.gz'),
      ]
    },
    options: { hidden: 256, embedding: 128, dropout: 0.5, characters: 'none', shapes: false },
    epochs: 15,
    rate: 2e-3,
  },
  ewt: {
    scheme: 'none',
    read: async () => {
      const file = (part) => `tagging/UD_English-EWT/en_ewt-ud-${part}.conllu.gz`
      return [await conll(file('train')), await conll(file('dev')), () => conll(file('test'))]
    },
    options: { hidden: 200, embedding: 100, dropout: 0.5, letterHidden: 100, letterEmbedding: 50 },
    epochs: 12,
    rate: 2e-3,
  },
}

const [name] = positionals
const task = named(TASKS, name)
setThreads(Number(values.threads))
const [learned, validation, readTest] = await task.read()
const options = { ...task.options, ...JSON.parse(values.options), seed: Number(values.seed) }
const epochs = Number(values.epochs ?? task.epochs)
const lr = Number(values.rate ?? task.rate)
const vectors = values.vectors && (await io.readVectors(values.vectors))
const begin = vectors && { vectors }
const vocabulary = SequenceTagger.vocabulary(learned, { scheme: task.scheme ?? 'bio', ...begin })
let tagger = new SequenceTagger({ vocabulary, ...options, ...begin })
const figure = task.scheme === 'none' ? 'accuracy' : 'f1'
const began = performance.now()
let best = { score: -1, epoch: 0 }
const run = tagger.fit(learned, {
  ...{ epochs, batch: 16, validation },
  optimizer: optim.adam({ lr }),
  schedule: optim.schedule.cosine(),
  average: optim.average.ema({ decay: 0.998 }),
  ...JSON.parse(values.fit),
})
for await (const event of run) {
  if (!event.validation) continue
  const score = event.validation.measures[figure]
  if (score >= best.score) {
    best = { score, epoch: event.epoch }
    await tagger.save(`${values.runs}/${name}-${process.pid}`)
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  console.log(`epoch ${event.epoch}, ${seconds} s: ${JSON.stringify(event.validation)}`)
}
const trained = (performance.now() - began) / 1000
const words = epochs * learned.reduce((sum, one) => sum + one.words.length, 0)
await tagger.dispose()
tagger = await SequenceTagger.load(`${values.runs}/${name}-${process.pid}`)
const development = await tagger.evaluate(validation)
console.log(
  'development',
  best.epoch,
  development[figure],
  `${(words / trained).toFixed(0)} words/s`,
)
if (values.test) {
  const test = await tagger.evaluate(await readTest())
  console.log('test', test)
  const loose = await tagger.evaluate(await readTest(), { mode: 'conlleval' })
  record(`tagging-${name}${vectors ? '-vectors' : ''}`, {
    ...{
      options,
      epochs,
      best: best.epoch,
      lr,
      seconds: Math.round(trained),
      parameters: tagger.parameterCount,
    },
    development: development[figure],
    test: { f1: test.f1, precision: test.precision, recall: test.recall, accuracy: test.accuracy },
    conlleval: loose.f1,
  })
}
await tagger.dispose()
