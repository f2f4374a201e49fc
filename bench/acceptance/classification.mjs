// Networks that classify texts, alone, beside the classical baselines and together with them (Vote), on five data sets.
//
//   node bench/acceptance/classification.mjs sst2|trec|rt-polarity|sms-spam|chnsenticorp [--seeds 3] [--options JSON]
//       [--fit JSON] [--epochs N] [--rate X] [--batch N] [--folds N] [--test]
//
// What there is to choose is chosen on development data, or on a tenth of what is learned; with --test the test data is
// looked at once and bench/results/classification-NAME.json recorded. Every network is an average of its weights, of the pass
// that does best on the development data. Vote joins the networks of all seeds with the baselines, its weights chosen there.
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { MaxEnt, NaiveBayes, optim, setThreads, TextClassifier, Vote } from 'rnnative'
import { accuracy, f1OfSpam, FOLDS, SETS, splits } from './labelled.mjs'
import { named, record } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    options: { type: 'string', default: '{}' },
    fit: { type: 'string', default: '{}' },
    epochs: { type: 'string' },
    rate: { type: 'string' },
    batch: { type: 'string' },
    folds: { type: 'string', default: '10' },
    runs: { type: 'string', default: 'runs/classification' },
    test: { type: 'boolean', default: false },
  },
})
setThreads(1)

const bayes = (options) => () => new NaiveBayes(options)
const maxEnt = (options) => () => new MaxEnt(options)

/** Settings of baselines are those that bench/acceptance/baselines.mjs chose. */
const TASKS = {
  sst2: {
    figure: accuracy,
    options: {
      ...{ unit: 'space', hidden: 64, embedding: 256, pooling: ['max'] },
      ...{ dropout: 0.5, embeddingDropout: 0.5 },
    },
    epochs: 10,
    rate: 1e-3,
    baselines: [
      bayes({ alpha: 0.3, analyzer: 'word', ngrams: [1, 2], weighting: 'counts' }),
      maxEnt({ l2: 0.15, analyzer: 'space', ngrams: [1, 2], weighting: 'tf-idf' }),
    ],
    seeds: 3,
  },
  trec: {
    figure: accuracy,
    options: { unit: 'space', hidden: 128, embedding: 128, dropout: 0.5, embeddingDropout: 0.2 },
    epochs: 15,
    rate: 2e-3,
    baselines: [
      maxEnt({ l2: 0.05, analyzer: 'space', ngrams: [1, 2], weighting: 'tf-idf' }),
      bayes({ alpha: 0.1, analyzer: 'space', ngrams: [1, 2], weighting: 'binary' }),
    ],
    seeds: 3,
  },
  'rt-polarity': {
    figure: accuracy,
    options: {
      ...{ unit: 'space', hidden: 64, embedding: 256, pooling: ['max'] },
      ...{ dropout: 0.5, embeddingDropout: 0.5 },
    },
    epochs: 10,
    rate: 1e-3,
    baselines: [
      bayes({ alpha: 1, analyzer: 'space', ngrams: [1, 2], weighting: 'binary' }),
      maxEnt({ l2: 0.15, analyzer: 'space', ngrams: [1, 2], weighting: 'tf-idf' }),
    ],
    seeds: 1,
  },
  'sms-spam': {
    figure: f1OfSpam,
    options: {
      ...{ unit: 'word', hidden: 64, embedding: 128, pooling: ['max'] },
      ...{ dropout: 0.5, embeddingDropout: 0.3 },
    },
    epochs: 12,
    rate: 2e-3,
    baselines: [
      bayes({ alpha: 0.1, analyzer: 'word', ngrams: [1, 2], weighting: 'counts' }),
      maxEnt({ l2: 0.05, analyzer: 'char', ngrams: [2, 3, 4], sublinear: true }),
    ],
    seeds: 3,
  },
  chnsenticorp: {
    figure: accuracy,
    options: { unit: 'char', hidden: 128, embedding: 128, dropout: 0.5, embeddingDropout: 0.2 },
    epochs: 8,
    rate: 1e-3,
    baselines: [maxEnt({ l2: 0.02, analyzer: 'char', ngrams: [1, 2, 3], sublinear: true })],
    seeds: 3,
  },
}

const [name] = positionals
const task = named(TASKS, name)
const { figure } = task
const options = { ...task.options, ...JSON.parse(values.options) }
const seeds = Number(values.seeds ?? task.seeds)
const training = {
  ...{ epochs: Number(values.epochs ?? task.epochs), batch: Number(values.batch ?? 32) },
  ...JSON.parse(values.fit),
}
const rate = Number(values.rate ?? task.rate)
const fit = {
  optimizer: optim.adam({ lr: rate }),
  schedule: optim.schedule.cosine(),
  average: optim.average.ema({ decay: 0.995 }),
  ...training,
}

async function network(learned, development, seed) {
  const checkpoint = `${values.runs}/${name}-${process.pid}-${seed}`
  const model = await TextClassifier.for(learned, { ...options, seed })
  const run = model.fit(learned, { ...fit, validation: development, checkpoint })
  const curve = []
  let best = { score: -1, model: null }
  for await (const { validation } of run) {
    if (!validation) continue
    const score = figure(await model.evaluate(development))
    curve.push((100 * score).toFixed(1))
    if (score >= best.score) {
      best = { score }
      await model.save(`${checkpoint}-best`)
    }
  }
  await model.dispose()
  console.log(`seed ${seed}: ${curve.join(' ')}`)
  const chosen = await TextClassifier.load(`${checkpoint}-best`)
  for (const made of [checkpoint, `${checkpoint}-best`]) rmSync(made, { recursive: true })
  return chosen
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length
const percent = (x) => Number((100 * x).toFixed(2))

/** Figures on the development data, and on the test data if that is to be looked at. */
async function measure({ learned, development, test }) {
  if (!development) {
    const [part] = splits(learned, 1, 0.1)
    learned = part.learned
    development = part.heldOut
  }
  const networks = []
  for (let seed = 1; seed <= seeds; ++seed) networks.push(await network(learned, development, seed))
  const baselines = task.baselines.map((make) => make())
  for (const one of baselines) await one.fit(learned)
  const vote = new Vote([...networks, ...baselines])
  await vote.fit(development)
  const on = async (examples) => {
    const of = async (one) => percent(figure(await one.evaluate(examples)))
    const each = []
    for (const one of networks) each.push(await of(one))
    const simple = []
    for (const one of baselines) simple.push(await of(one))
    return { network: percent(mean(each) / 100), each, baselines: simple, vote: await of(vote) }
  }
  const found = { development: await on(development), weights: vote.weights }
  if (values.test) found.test = await on(test)
  for (const one of networks) await one.dispose()
  console.log(JSON.stringify(found))
  return found
}

const began = performance.now()
let result
if (name === 'rt-polarity') {
  const folds = []
  for (const fold of FOLDS.slice(0, Number(values.folds)))
    folds.push(await measure(SETS[name](fold)))
  const over = (part, key) => percent(mean(folds.map((one) => one[part][key])) / 100)
  const both = (part) => ({ network: over(part, 'network'), vote: over(part, 'vote') })
  result = { folds, development: both('development'), ...(values.test && { test: both('test') }) }
} else result = await measure(await SETS[name]())
const seconds = Math.round((performance.now() - began) / 1000)
console.log(name, seconds, JSON.stringify({ development: result.development, test: result.test }))
const settings = { options, fit: { ...training, rate }, seeds }
if (values.test) record(`classification-${name}`, { settings, ...result, seconds })
