// Vectors beside word2vec.c, fastText and figures of gensim: speed by CPU seconds of whole programs on one thread, run in turn;
// agreement with people (WordSim-353, SimLex-999) as the mean of three seeds; labels, documents and baskets.
//
//   node bench/acceptance/embeddings.mjs [--only words,threads,labels,documents,items] [--word2vec PATH] [--fasttext PATH]
//
// The programs are built of their public sources with their own flags; without a path a rival is left out, by name. word2vec.c
// needs `eof = 0` where it begins a pass anew, or it learns from the first alone; it takes a seed from W2V_SEED where it was
// given one. Records bench/results/embeddings-PART.json.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Doc2Vec, Embeddings, FastTextClassifier, io, readTable, readText } from 'rnnative'
import { readLabelled } from 'rnnative'
import { linearAccuracy } from './linear.mjs'
import { DATA, record } from './seq2seq.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'words,threads,labels,documents,items' },
    word2vec: { type: 'string' },
    fasttext: { type: 'string' },
    seeds: { type: 'string', default: '3' },
  },
})
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const at = (name) => path.join(scratch, name)
const CLI = path.resolve(import.meta.dirname, '../../dist/cli/main.js')
const seeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1)
const EPOCHS = 5

/** Runs a program; its CPU seconds and those that passed. */
function timed(program, args, env = {}) {
  const quoted = [program, ...args].map((word) => `'${String(word)}'`).join(' ')
  const began = performance.now()
  const { status, stderr } = spawnSync('bash', ['-c', `TIMEFORMAT="CPU %U"; time ${quoted}`], {
    ...{ encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 2 ** 28 },
  })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
  return {
    cpu: Number(/CPU ([\d.]+)/.exec(stderr)[1]),
    wall: (performance.now() - began) / 1000,
  }
}

const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length
const round = (x, digits = 3) => Number(x.toFixed(digits))

async function pairsOf(name) {
  const lines = (await readText(`${DATA}/embeddings/${name}`)).split('\n')
  const parts = lines.map((line) => line.trim().split(/\s+/)).filter((words) => words.length === 3)
  return parts.map(([a, b, score]) => [a.toLowerCase(), b.toLowerCase(), Number(score)])
}

async function words() {
  const text = (await readText(`${DATA}/lm/wikitext-2/train.txt.gz`)).toLowerCase()
  writeFileSync(at('text'), text)
  const tokens = text.split(/\s+/).length * EPOCHS
  const sets = {
    ws353: await pairsOf('EN-WS-353-ALL.txt'),
    simlex: await pairsOf('EN-SIMLEX-999.txt'),
  }
  const common = [
    '--threads',
    1,
    '--text',
    at('text'),
    '--output',
    at('own.vec'),
    '--epochs',
    EPOCHS,
  ]
  const own = (model) => (seed) => ({
    file: at('own.vec'),
    ...timed(process.execPath, [
      CLI,
      'embed',
      'train',
      ...common,
      '--model',
      model,
      '--seed',
      seed,
    ]),
  })
  const word2vec = (cbow) => (seed) => ({
    file: at('word2vec.vec'),
    ...timed(
      options.word2vec,
      [
        ...['-train', at('text'), '-output', at('word2vec.vec'), '-size', 100, '-window', 5],
        ...['-negative', 5, '-hs', 0, '-iter', EPOCHS, '-min-count', 5, '-sample', '1e-3'],
        ...['-threads', 1, '-cbow', cbow],
      ],
      { W2V_SEED: String(seed) },
    ),
  })
  const fasttext = (seed) => ({
    file: at('fasttext.vec'),
    ...timed(options.fasttext, [
      ...['skipgram', '-input', at('text'), '-output', at('fasttext'), '-dim', 100, '-ws', 5],
      ...['-neg', 5, '-epoch', EPOCHS, '-minCount', 5, '-thread', 1, '-seed', seed, '-verbose', 0],
    ]),
  })
  const runs = {
    skipgram: own('skipgram'),
    ...(options.word2vec && { 'word2vec.c skipgram': word2vec(0) }),
    cbow: own('cbow'),
    ...(options.word2vec && { 'word2vec.c cbow': word2vec(1) }),
    fasttext: own('fasttext'),
    ...(options.fasttext && { 'fastText skipgram': fasttext }),
  }
  const found = Object.fromEntries(Object.keys(runs).map((name) => [name, []]))
  for (const seed of seeds)
    for (const [name, run] of Object.entries(runs)) {
      const { file, cpu } = run(seed)
      const vectors = await io.readVectors(file)
      const scores = Object.entries(sets).map(([set, pairs]) => [set, vectors.evaluate(pairs)])
      const one = { wordsPerCpuSecond: Math.round(tokens / cpu) }
      for (const [set, { correlation }] of scores) one[set] = round(correlation)
      found[name].push(one)
      console.log(name, seed, one)
    }
  const result = Object.fromEntries(
    Object.entries(found).map(([name, all]) => [
      name,
      {
        wordsPerCpuSecond: Math.round(mean(all.map((one) => one.wordsPerCpuSecond))),
        ...{ ws353: round(mean(all.map((one) => one.ws353))), seeds: all },
        simlex: round(mean(all.map((one) => one.simlex))),
      },
    ]),
  )
  const over = (a, b) =>
    result[b] && round(result[a].wordsPerCpuSecond / result[b].wordsPerCpuSecond, 2)
  record('embeddings-words', {
    tokens,
    result,
    faster: {
      skipgram: over('skipgram', 'word2vec.c skipgram'),
      cbow: over('cbow', 'word2vec.c cbow'),
      fasttext: over('fasttext', 'fastText skipgram'),
    },
  })
}

/** Words a second as time passes, on one thread and on two in turn. */
async function threads() {
  const text = (await readText(`${DATA}/lm/wikitext-2/train.txt.gz`)).toLowerCase()
  const result = {}
  for (const model of ['skipgram', 'cbow', 'fasttext']) {
    const speeds = { 1: [], 2: [] }
    for (let round = 0; round < 5; ++round)
      for (const threads of [1, 2]) {
        const made = new Embeddings({ model, seed: 1 })
        const { words, seconds } = await made.fit(text, { epochs: 2, threads })
        await made.dispose()
        speeds[threads].push(words / seconds)
      }
    const best = Object.values(speeds).map((all) => Math.round(Math.max(...all)))
    result[model] = { one: best[0], two: best[1], scaling: round(best[1] / best[0], 2) }
    console.log(model, result[model])
  }
  record('embeddings-threads', { result })
}

async function sst2(part) {
  const text = await readText(`${DATA}/classification/sst2/stsa.binary.${part}.gz`)
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ label: line[0], text: line.slice(2).toLowerCase() }))
}

async function chn(part) {
  const examples = []
  const file = `${DATA}/classification/chnsenticorp/${part}.tsv.gz`
  for await (const one of readLabelled(file, { text: 'text_a' }))
    examples.push({ label: one.label, text: [...one.text.replace(/\s+/g, '')].join(' ') })
  return examples
}

const GRIDS = {
  sst2: [0.1, 0.25, 0.5].flatMap((lr) =>
    [5, 10, 25].flatMap((epochs) => [1, 2, 3].map((ngrams) => ({ lr, epochs, ngrams, dim: 50 }))),
  ),
  chn: [0.1, 0.5].flatMap((lr) =>
    [5, 10].flatMap((epochs) => [2, 3].map((ngrams) => ({ lr, epochs, ngrams, dim: 50 }))),
  ),
}

async function labels() {
  const result = {}
  for (const [name, read] of Object.entries({ sst2, chn })) {
    const [train, dev, test] = await Promise.all(['train', 'dev', 'test'].map(read))
    const learn = async ({ lr, epochs, ...settings }, seed, asked) => {
      const model = new FastTextClassifier({ ...settings, seed, buckets: 1_000_000 })
      const before = process.cpuUsage()
      await model.fit(train, { lr, epochs, threads: 1 })
      const { user, system } = process.cpuUsage(before)
      const score = await model.evaluate(asked)
      await model.dispose()
      return { ...score, cpu: (user + system) / 1e6 }
    }
    let best = { accuracy: 0 }
    for (const settings of GRIDS[name]) {
      const { accuracy } = await learn(settings, 1, dev)
      if (accuracy > best.accuracy) best = { accuracy, settings }
    }
    const runs = []
    for (const seed of seeds) runs.push(await learn(best.settings, seed, test))
    result[name] = {
      ...{ settings: best.settings, dev: best.accuracy },
      test: round(mean(runs.map(({ accuracy }) => accuracy)), 4),
      cpuSeconds: round(mean(runs.map(({ cpu }) => cpu)), 2),
      fastText: options.fasttext ? fastTextOf(best.settings, train, test) : null,
    }
    console.log(name, result[name])
  }
  record('embeddings-labels', { result })
}

/** fastText's classifier with the same settings. */
function fastTextOf({ lr, epochs, ngrams, dim }, train, test) {
  const lines = (all) => all.map(({ label, text }) => `__label__${label} ${text}\n`).join('')
  writeFileSync(at('train'), lines(train.toSorted((a, b) => hash(a.text) - hash(b.text))))
  writeFileSync(at('test'), lines(test))
  const { cpu } = timed(options.fasttext, [
    ...['supervised', '-input', at('train'), '-output', at('labels'), '-lr', lr, '-epoch', epochs],
    ...['-wordNgrams', ngrams, '-dim', dim, '-bucket', 1_000_000, '-thread', 1, '-verbose', 0],
  ])
  const { stdout } = spawnSync(options.fasttext, ['test', at('labels.bin'), at('test')], {
    encoding: 'utf8',
  })
  return { test: Number(/P@1\s+([\d.]+)/.exec(stdout)[1]), cpuSeconds: cpu }
}

const hash = (text) => [...text].reduce((sum, c) => (Math.imul(sum, 31) + c.codePointAt(0)) | 0, 7)

async function documents() {
  const [train, test] = await Promise.all(['train', 'test'].map(chn))
  const texts = (all) => all.map(({ text }) => text)
  const tokens = texts(train).reduce((sum, text) => sum + text.split(' ').length, 0)
  const result = {}
  for (const algorithm of ['dbow', 'dm']) {
    const model = new Doc2Vec({ algorithm, minCount: 2, seed: 1 })
    const before = process.cpuUsage()
    await model.fit(texts(train), { epochs: 20, threads: 1 })
    const { user, system } = process.cpuUsage(before)
    const all = await model.vectors()
    const again = await model.infer(texts(train.slice(0, 400)))
    // A quarter of these texts are there twice: one is as near to its double as to itself.
    let [own, alike] = [0, 0]
    for (const [i, vector] of again.entries()) {
      const [{ word }] = await all.nearest(vector, { count: 1 })
      own += Number(word === String(i))
      alike += Number(train[Number(word)].text === train[i].text)
    }
    const learned = train.map(({ label }, i) => ({ vector: all.get(String(i)), label }))
    const inferred = await model.infer(texts(test))
    const asked = test.map(({ label }, i) => ({ vector: inferred[i], label }))
    result[algorithm] = {
      nearestToThemselves: alike / 400,
      notToADouble: own / 400,
      accuracy: round(linearAccuracy(learned, asked), 4),
      wordsPerCpuSecond: Math.round((20 * tokens * 1e6) / (user + system)),
    }
    await model.dispose()
    console.log(algorithm, result[algorithm])
  }
  record('embeddings-documents', {
    tokens,
    result,
    gensim: 'PV-DBOW .85, .796; 1.2 to 1.9 M words/CPU s',
  })
}

/** Histories by user, in the order of time. */
async function histories() {
  const users = new Map()
  let row = 0
  for await (const one of readTable(`${DATA}/items/ml-latest-small/ratings.csv.gz`)) {
    const [user, item, , time] = Object.values(one.cells ?? one)
    if (!users.has(user)) users.set(user, [])
    users.get(user).push([Number(time), row++, `m${item}`])
  }
  return [...users.values()].map((all) =>
    all.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , item]) => item),
  )
}

/** How often the next item is among the ten nearest to the mean of the last five, of those not seen. */
async function hitRate(settings, learned, asked, seed) {
  const { epochs, ...rest } = settings
  const model = new Embeddings({ model: 'item2vec', seed, ...rest })
  await model.fit(learned, { epochs, threads: 1 })
  const vectors = await model.vectors()
  let hits = 0
  for (const [i, next] of asked.entries()) {
    const seen = learned[i]
    const last = seen.filter((item) => vectors.get(item)).slice(-5)
    if (last.length === 0 || !vectors.get(next)) continue
    const sum = new Float64Array(vectors.size)
    for (const item of last) {
      const vector = vectors.get(item)
      const length = Math.hypot(...vector)
      for (const [k, x] of vector.entries()) sum[k] += x / length
    }
    const near = await vectors.nearest(sum, { count: 10, exclude: seen })
    hits += Number(near.some(({ word }) => word === next))
  }
  await model.dispose()
  return hits / asked.length
}

async function items() {
  const all = await histories()
  const upTo = (end) => all.map((items) => items.slice(0, items.length - end))
  const last = (end) => all.map((items) => items.at(-end))
  let best = { rate: 0 }
  for (const window of [10, 20])
    for (const epochs of [20, 40])
      for (const sample of [0, 1e-3])
        for (const negative of [10]) {
          const settings = { window, epochs, sample, negative, dim: 50 }
          const rate = await hitRate(settings, upTo(2), last(2), 1)
          console.log(settings, rate)
          if (rate > best.rate) best = { rate, settings }
        }
  const rates = []
  for (const seed of seeds) rates.push(await hitRate(best.settings, upTo(1), last(1), seed))
  const result = { settings: best.settings, lastButOne: round(best.rate, 4), last: rates }
  console.log(result)
  record('embeddings-items', { ...result, mean: round(mean(rates), 4) })
}

const parts = { words, threads, labels, documents, items }
try {
  for (const name of ['word2vec', 'fasttext'])
    if (!options[name]) console.log(`--${name} is not given: ${name} is left out`)
  for (const name of options.only.split(',')) await parts[name]()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
