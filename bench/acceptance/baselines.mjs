// The classical baselines on five data sets, beside what scikit-learn's best linear models reach on them. Settings are chosen
// on development data, or on held-out parts of the training data; the test data is looked at once.
//
//   node bench/acceptance/baselines.mjs [--only sst2,trec]
//
// Records bench/results/baselines-NAME.json of each.
import { parseArgs } from 'node:util'
import { MaxEnt, NaiveBayes } from 'rnnative'
import { accuracy, f1OfSpam, FOLDS, SETS, splits } from './labelled.mjs'
import { record } from './seq2seq.mjs'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const make = ({ kind, ...options }) =>
  kind === 'max-ent' ? new MaxEnt(options) : new NaiveBayes(options)

/** All of the choices of each option. */
const grid = (options) =>
  Object.entries(options).reduce(
    (all, [name, choices]) =>
      all.flatMap((one) => choices.map((value) => ({ ...one, [name]: value }))),
    [{}],
  )

async function scoreOf(settings, learned, asked, figure) {
  const model = make(settings)
  await model.fit(learned)
  return figure(await model.evaluate(asked))
}

/** The settings that do best on parts that are held out, in the mean. */
async function choose(candidates, parts, figure) {
  let best = { mean: -Infinity }
  for (const settings of candidates) {
    let sum = 0
    for (const { learned, heldOut } of parts)
      sum += await scoreOf(settings, learned, heldOut, figure)
    if (sum / parts.length > best.mean) best = { settings, mean: sum / parts.length }
  }
  return best
}

const bayes = (options) => grid({ kind: ['naive-bayes'], alpha: [0.3, 0.6, 1, 2], ...options })
const maxEnt = (options) => grid({ kind: ['max-ent'], l2: [0.05, 0.15, 0.5], ...options })

async function withDevelopment({ learned, development, test }, candidates, figure = accuracy) {
  const { settings, mean } = await choose(candidates, [{ learned, heldOut: development }], figure)
  return { settings, development: mean, test: await scoreOf(settings, learned, test, figure) }
}

async function withSplits({ learned, test }, candidates, figure = accuracy) {
  const { settings, mean } = await choose(candidates, splits(learned, 3), figure)
  return { settings, development: mean, test: await scoreOf(settings, learned, test, figure) }
}

const recipes = {
  sst2: {
    asked: 0.82,
    rival: 0.821,
    run: async () =>
      withDevelopment(
        SETS.sst2(),
        bayes({
          analyzer: ['word', 'space'],
          ngrams: [
            [1, 2],
            [1, 2, 3],
          ],
          weighting: ['counts', 'binary', 'tf-idf'],
        }),
      ),
  },
  trec: {
    asked: 0.904,
    rival: 0.904,
    run: () =>
      withSplits(
        SETS.trec(),
        maxEnt({
          analyzer: ['word', 'space'],
          ngrams: [
            [1, 2],
            [1, 2, 3],
          ],
          weighting: ['tf-idf', 'binary'],
        }),
      ),
  },
  'rt-polarity': { asked: 0.79, rival: 0.791, run: folds },
  'sms-spam': {
    asked: 0.957,
    rival: 0.959,
    async run() {
      return withSplits(
        await SETS['sms-spam'](),
        bayes({
          alpha: [0.03, 0.1, 0.3, 1],
          analyzer: ['word', 'space'],
          ngrams: [[1], [1, 2]],
          weighting: ['counts', 'tf-idf'],
        }),
        f1OfSpam,
      )
    },
  },
  chnsenticorp: {
    asked: 0.926,
    rival: 0.9275,
    async run() {
      return withDevelopment(
        await SETS.chnsenticorp(),
        maxEnt({ l2: [0.02, 0.1], analyzer: ['char'], ngrams: [[1, 2, 3]], sublinear: [true] }),
      )
    },
  },
}

/** Ten folds; the settings of each are chosen on a part of what it learns. */
async function folds() {
  const candidates = bayes({
    alpha: [0.5, 1, 2],
    analyzer: ['space'],
    ngrams: [[1, 2]],
    weighting: ['binary', 'tf-idf'],
  })
  const results = []
  for (const fold of FOLDS) {
    const { learned, test } = SETS['rt-polarity'](fold)
    const { settings } = await choose(candidates, splits(learned, 1), accuracy)
    results.push({ settings, test: await scoreOf(settings, learned, test, accuracy) })
  }
  const test = results.reduce((sum, one) => sum + one.test, 0) / results.length
  return { folds: results, test }
}

const names = values.only?.split(',') ?? Object.keys(recipes)
for (const name of names) {
  const { asked, rival, run } = recipes[name]
  const began = performance.now()
  const result = await run()
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(name, JSON.stringify(result))
  record(`baselines-${name}`, { asked, rival, ...result, seconds })
}
