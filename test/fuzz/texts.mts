/** Right calls of the families over plain texts: vectors, summaries, autoencoders, dialogues; to be spoilt. */
import {
  AbstractiveSummariser,
  Autoencoder,
  Dialogue,
  Doc2Vec,
  Embeddings,
  FastTextClassifier,
} from 'rnnative'
import { metrics, report, summarize, Summariser, Tokenizer } from 'rnnative'

const fits = { epochs: 1, threads: 1, lr: 0.05 }
const steps = { maxSteps: 1, clipNorm: 1, batchTokens: 20 }
const small = { hidden: 4, layers: 1, seed: 1, embedding: 4 }
const lines = ['a b c', 'b c a', 'c a', 'a a b']
const documents = ['One is here. Two is there. Three are gone.', 'A cat sat. It slept.']
const labelled = lines.map((text, i) => ({ text, label: i % 2 ? 'y' : 'n' }))
const learning = { dim: 4, minCount: 1, seed: 1 }
const signal = () => AbortSignal.timeout(300)

const embeddings = new Embeddings(learning)
await embeddings.fit(lines, fits)
const vectors = await embeddings.vectors()
const paragraphs = new Doc2Vec(learning)
await paragraphs.fit(lines, fits)
const labels = new FastTextClassifier(learning)
await labels.fit(labelled, fits)
const tokenizer = Tokenizer.spaces('a b c\n').withBoundaries()
const autoencoder = new Autoencoder({ tokenizer, ...small })
const dialogue = new Dialogue({ tokenizer, ...small })
const writer = new AbstractiveSummariser({ tokenizer, ...small })
const summarized = [{ text: documents[0], summary: ['Two is there.'] }]

const make =
  <A extends unknown[]>(Class: new (...args: A) => unknown) =>
  (...args: A) =>
    new Class(...args)

type Call = (...args: never[]) => unknown

export const texts: [string, Call, ...unknown[]][] = [
  [
    'Embeddings',
    make(Embeddings),
    { ...learning, model: 'fasttext', window: 2, negative: 2, loss: 'negative', sample: 0 },
  ],
  [
    'Embeddings.fit',
    (text: never, options: never) => new Embeddings(learning).fit(text, options),
    lines,
    { ...fits, signal },
  ],
  ['embeddings.nearest', embeddings.nearest.bind(embeddings), 'a', { count: 2, exclude: ['b'] }],
  ['embeddings.analogy', embeddings.analogy.bind(embeddings), 'a', 'b', 'c', { count: 1 }],
  ['embeddings.similarity', embeddings.similarity.bind(embeddings), 'a', 'b'],
  ['embeddings.vector', embeddings.vector.bind(embeddings), 'a'],
  ['vectors.nearest', vectors.nearest.bind(vectors), 'a', { count: 2 }],
  ['vectors.similarity', vectors.similarity.bind(vectors), 'a', 'b'],
  ['Doc2Vec', make(Doc2Vec), { ...learning, algorithm: 'dm', window: 2, negative: 2 }],
  [
    'Doc2Vec.fit',
    (text: never, options: never) => new Doc2Vec(learning).fit(text, options),
    lines,
    { ...fits, signal },
  ],
  ['paragraphs.infer', paragraphs.infer.bind(paragraphs), ['a b', ''], { epochs: 1, seed: 1 }],
  ['paragraphs.nearest', paragraphs.nearest.bind(paragraphs), 'a b', { count: 1 }],
  ['FastTextClassifier', make(FastTextClassifier), { ...learning, ngrams: 2, buckets: 100 }],
  [
    'FastTextClassifier.fit',
    (examples: never, options: never) => new FastTextClassifier(learning).fit(examples, options),
    labelled,
    { ...fits, signal },
  ],
  ['labels.predict', labels.predict.bind(labels), ['a b', ''], { top: 1 }],
  ['labels.evaluate', labels.evaluate.bind(labels), labelled, {}],
  ['summarize', summarize, documents, { method: 'textrank', sentences: 1, signal }],
  [
    'Summariser.for',
    Summariser.for.bind(Summariser),
    [{ text: documents[0], summary: 'Two is there.' }],
    { ...small, minCount: 1 },
  ],
  ['AbstractiveSummariser', make(AbstractiveSummariser), { tokenizer, ...small, lowerCase: true }],
  ['writer.fit', writer.fit.bind(writer), summarized, { ...steps, coverage: 1, validation: null }],
  ['writer.summarize', writer.summarize.bind(writer), documents, { beam: 2, maxLength: 3, signal }],
  ['writer.evaluate', writer.evaluate.bind(writer), summarized, { maxLength: 3, beam: 1 }],
  ['metrics.rouge', metrics.rouge, ['a b c'], [['a b', 'c']], { stem: false }],
  ['metrics.distinct', metrics.distinct, ['a b c', 'a b'], 2],
  ['metrics.rankCorrelation', metrics.rankCorrelation, [1, 2, 3], [1, 3, 2]],
  ['report.drawMap', report.drawMap, [{ label: 'a', x: 1, y: 2 }]],
  ['Autoencoder', make(Autoencoder), { tokenizer, ...small, task: 'next' }],
  ['autoencoder.fit', autoencoder.fit.bind(autoencoder), lines, { ...steps, validation: lines }],
  ['autoencoder.evaluate', autoencoder.evaluate.bind(autoencoder), lines, {}],
  ['autoencoder.predict', autoencoder.predict.bind(autoencoder), ['a b'], { beam: 2, signal }],
  ['autoencoder.represent', autoencoder.represent.bind(autoencoder), ['a b']],
  ['Dialogue', make(Dialogue), { tokenizer, ...small, context: 2 }],
  [
    'dialogue.fit',
    dialogue.fit.bind(dialogue),
    [['a b', 'c', 'a']],
    { ...steps, blank: 0.1, validation: [['a', 'b']] },
  ],
  ['dialogue.evaluate', dialogue.evaluate.bind(dialogue), [['a', 'b']], {}],
  [
    'dialogue.reply',
    dialogue.reply.bind(dialogue),
    [['a', 'b']],
    { beam: 2, penalty: 0.5, penaltyTokens: 2, signal },
  ],
  ['dialogue.sample', dialogue.sample.bind(dialogue), [['a', 'b']], { temperature: 1, seed: 1 }],
]
