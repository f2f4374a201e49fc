/** Right calls of the classifiers, taggers and forecasters and of what is around them, to be spoilt. */
import { data, decode, Forecaster, MaxEnt, metrics, NaiveBayes, nn, ops, randn } from 'rnnative'
import { readLabelled, readTable, SequenceTagger, splitExamples, tensor } from 'rnnative'
import { TextClassifier, TfIdf, Tokenizer, Vote } from 'rnnative'

const small = { hidden: 4, layers: 1, seed: 1 }
const fits = { maxSteps: 1, clipNorm: 1, batch: 2, epochs: 1 }
const examples = ['a b', 'b c', 'c', 'a c'].map((text, i) => ({ text, label: i % 2 ? 'y' : 'n' }))
const labels = ['n', 'y']
const sentences = [
  { words: ['Bob', 'sleeps'], tags: ['B-x', 'O'] },
  { words: ['a'], tags: ['O'] },
]
const days = Array.from({ length: 30 }, (_, i) => ({
  ...{ date: `2024-01-${String(i + 1).padStart(2, '0')}`, y: `${i % 5}`, z: '1' },
}))

const tokenizer = Tokenizer.spaces('a b c\n')
const classifier = new TextClassifier({ tokenizer, labels, embedding: 4, ...small })
const vocabulary = SequenceTagger.vocabulary(sentences)
const taggerOptions = { vocabulary, embedding: 4, letterEmbedding: 2, letterHidden: 2, ...small }
const tagger = new SequenceTagger(taggerOptions)
const series = { time: 'date', targets: ['y'], covariates: ['z'], context: 4, horizon: 2 }
const forecaster = new Forecaster({ ...series, ...small })
await forecaster.fit(days, fits)
const bayes = new NaiveBayes({ variant: 'complement', ngrams: [1] })
await bayes.fit(examples)
const tfIdf = new TfIdf({ ngrams: [1] })
await tfIdf.fit(['a b', 'b c'])
const field = await new nn.CRF(2, { seed: 1 }).scores()
const vectors = { size: 4, get: () => [1, 2, 3, 4], words: () => ['a'] }
const copied = (steps: number) => ({
  ...{ gates: randn([steps, 1]), weights: randn([steps, 1, 2]), lengths: [2] },
  ids: tensor(Int32Array.of(0, 3), [2, 1]),
})
const probabilities = [
  [0.9, 0.1],
  [0.2, 0.8],
]
const signal = () => AbortSignal.timeout(300)

const make =
  <A extends unknown[]>(Class: new (...args: A) => unknown) =>
  (...args: A) =>
    new Class(...args)

type Call = (...args: never[]) => unknown

export const families: [string, Call, ...unknown[]][] = [
  [
    'TextClassifier',
    make(TextClassifier),
    {
      ...{ tokenizer, labels, ...small, pooling: ['mean', 'attention'], selfAttention: true },
      ...{ task: 'multi-class', maxLength: 5, cut: 'end', fields: 1, vectors, temperature: 1 },
    },
  ],
  [
    'TextClassifier.for',
    TextClassifier.for.bind(TextClassifier),
    examples,
    { unit: 'word', vocabulary: 9, minCount: 1, embedding: 4, ...small },
  ],
  [
    'classifier.fit',
    classifier.fit.bind(classifier),
    examples,
    { ...fits, validation: 0.5, labelSmoothing: 0.1, classWeights: { n: 1, y: 2 } },
  ],
  ['classifier.evaluate', classifier.evaluate.bind(classifier), examples, { signal }],
  ['classifier.predict', classifier.predict.bind(classifier), ['a', ''], { top: 1, signal }],
  ['classifier.calibrate', classifier.calibrate.bind(classifier), examples, {}],
  ['SequenceTagger.vocabulary', SequenceTagger.vocabulary, sentences, { scheme: 'bio', vectors }],
  [
    'SequenceTagger',
    make(SequenceTagger),
    { ...taggerOptions, characters: 'conv', shapes: true, crf: true, vectors },
  ],
  [
    'tagger.fit',
    tagger.fit.bind(tagger),
    sentences,
    { ...fits, rareWords: 0.5, validation: sentences },
  ],
  ['tagger.evaluate', tagger.evaluate.bind(tagger), sentences, { mode: 'strict', signal }],
  ['tagger.tag', tagger.tag.bind(tagger), ['Bob sleeps'], { signal }],
  ['tagger.nBest', tagger.nBest.bind(tagger), [['Bob', 'sleeps']], 2, { signal }],
  ['tagger.marginals', tagger.marginals.bind(tagger), ['Bob'], { signal }],
  [
    'Forecaster',
    make(Forecaster),
    {
      ...{ ...series, ...small, model: 'seq2seq', attention: 'dot', scaling: 'window' },
      ...{ known: [], categories: {}, calendar: ['month'], offset: 'last', season: 7 },
      ...{ loss: 'mae', quantiles: [0.5], frequency: 'day' },
    },
  ],
  [
    'forecaster.fit',
    (rows: never, options: never) => new Forecaster({ ...series, ...small }).fit(rows, options),
    days,
    { ...fits, validation: 0.2, test: 0.2, stride: 1 },
  ],
  [
    'forecaster.evaluate',
    forecaster.evaluate.bind(forecaster),
    days,
    { windows: 1, stride: 1, samples: 2, seed: 1, signal },
  ],
  ['forecaster.predict', forecaster.predict.bind(forecaster), days, { history: 2, signal }],
  ['NaiveBayes', make(NaiveBayes), { variant: 'bernoulli', alpha: 1, ngrams: [1, 2] }],
  ['bayes.fit', bayes.fit.bind(bayes), examples, { signal }],
  ['bayes.predict', bayes.predict.bind(bayes), ['a b', ''], { top: 1, terms: 2, signal }],
  ['bayes.evaluate', bayes.evaluate.bind(bayes), examples, {}],
  [
    'MaxEnt.fit',
    async (options: object, given: never) => {
      await new MaxEnt(options).fit(given)
    },
    { ngrams: [1], analyzer: 'char', sublinear: true, l2: 1, iterations: 2 },
    examples,
  ],
  ['TfIdf', make(TfIdf), { ngrams: [1, 2], analyzer: 'word', minDocuments: 1 }],
  ['tfIdf.fit', (texts: never) => new TfIdf().fit(texts), ['a b', 'c']],
  ['tfIdf.transform', tfIdf.transform.bind(tfIdf), ['a b', 'x']],
  ['tfIdf.keywords', tfIdf.keywords.bind(tfIdf), 'a b', { top: 2 }],
  ['Vote', make(Vote), [bayes, classifier], { weights: [1, 2] }],
  ['vote.fit', (given: never) => new Vote([bayes, classifier]).fit(given), examples],
  ['vote.predict', (given: never) => new Vote([bayes, classifier]).predict(given), ['a b']],
  ['splitExamples', splitExamples, examples, 0.5, { seed: 1, stratified: true }],
  ['readTable', readTable, 'package.json', { format: 'jsonl', columns: { a: 'name' } }],
  ['readLabelled', readLabelled, 'package.json', { text: 'name', label: 1 }],
  ['data.parseConll', data.parseConll, 'a\tO\nb\tB-x\n', { column: 2, words: 1 }],
  ['data.toConll', data.toConll, sentences],
  ['data.convertTags', data.convertTags, ['B-x', 'I-x', 'O'], 'bio', 'iobes'],
  ['metrics.entityScore', metrics.entityScore, [['B-x']], [['O']], { scheme: 'bio' }],
  ['metrics.classification', metrics.classification, ['n', 'y'], ['n', 'n'], { labels }],
  ['metrics.ranking', metrics.ranking, probabilities, ['n', 'y'], labels],
  ['metrics.logLoss', metrics.logLoss, probabilities, ['n', 'y'], labels],
  ['metrics.rocArea', metrics.rocArea, [0.1, 0.9], [false, true]],
  ['metrics.prCurve', metrics.prCurve, [0.1, 0.9], [false, true]],
  ['metrics.forecastScore', metrics.forecastScore, [1, 2], [1, 3]],
  ['metrics.mase', metrics.mase, [1, 2], [1, 3], [1, 2, 3], 1],
  ['metrics.coverage', metrics.coverage, [1, 2], [0, 0], [2, 2]],
  ['metrics.weightedQuantileLoss', metrics.weightedQuantileLoss, [1, 2], [1, 3], 0.5],
  ['metrics.seasonalNaive', metrics.seasonalNaive, [1, 2, 3], 2, 2],
  ['metrics.drift', metrics.drift, [1, 2, 3], 2],
  ['decode.viterbi', decode.viterbi, [1, 2, 3, 4], field],
  ['decode.kBest', decode.kBest, [1, 2, 3, 4], field, 2],
  ['decode.marginals', decode.marginals, [1, 2, 3, 4], field],
  ['nn.CRF', make(nn.CRF), 3, { seed: 1, allowed: null }],
  [
    'ops.crf',
    ops.crf,
    randn([2, 1, 2]),
    tensor(Int32Array.of(0, 1), [2, 1]),
    { transitions: randn([2, 2]), start: randn([2]), end: randn([2]), lengths: [2] },
  ],
  [
    'ops.pointerLosses',
    ops.pointerLosses,
    randn([2, 1]),
    tensor(Int32Array.of(0, 3), [2, 1]),
    { ...copied(2), vocabulary: 3 },
  ],
  ['ops.pointerMixture', ops.pointerMixture, randn([1, 3]), { ...copied(1), width: 4 }],
]
