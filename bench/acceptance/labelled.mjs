// Labelled texts of ../shared/data, as the acceptance runs of classifiers read them: what is learned, what chooses, what is
// looked at once.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { readLabelled, splitExamples } from 'rnnative'
import { DATA } from './seq2seq.mjs'

const file = (name) => path.join(DATA, 'classification', name)

/** Lines "LABEL text", the way SST and TREC are kept. */
function spaced(name, encoding = 'utf8') {
  const bytes = readFileSync(file(name))
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString(encoding)
  const lines = text.split(/\r?\n/).filter(Boolean)
  return lines.map((line) => ({
    label: line.slice(0, line.indexOf(' ')),
    text: line.slice(line.indexOf(' ') + 1),
  }))
}

const plain = (name, label) =>
  gunzipSync(readFileSync(file(name)))
    .toString('latin1')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((text) => ({ text, label }))

/** A fold of rt-polarity, of ten. */
function fold(number) {
  const [negative, positive] = [
    plain('rt-polarity/rt-polarity.neg.gz', 'neg'),
    plain('rt-polarity/rt-polarity.pos.gz', 'pos'),
  ]
  const isTest = (_, i) => i % 10 === number
  const part = (keep) => [...negative.filter(keep), ...positive.filter(keep)]
  return { learned: part((x, i) => !isTest(x, i)), test: part(isTest) }
}

export const FOLDS = Array.from({ length: 10 }, (_, i) => i)

/** `development` where the data set has one. */
export const SETS = {
  sst2: () => ({
    learned: spaced('sst2/stsa.binary.train.gz'),
    development: spaced('sst2/stsa.binary.dev.gz'),
    test: spaced('sst2/stsa.binary.test.gz'),
  }),
  trec: () => ({
    learned: spaced('trec/TREC.train.all.gz', 'latin1'),
    test: spaced('trec/TREC.test.all', 'latin1'),
  }),
  'rt-polarity': (number) => fold(number),
  async 'sms-spam'() {
    const columns = { header: false, text: 2, label: 1 }
    const all = await readLabelled(file('sms-spam/sms.tsv.gz'), columns)
    return {
      learned: all.filter((_, i) => i % 5 !== 4),
      test: all.filter((_, i) => i % 5 === 4),
    }
  },
  async chnsenticorp() {
    const read = (name) =>
      readLabelled(file(`chnsenticorp/${name}.tsv.gz`), { text: 'text_a', label: 'label' })
    return {
      learned: await read('train'),
      development: await read('dev'),
      test: await read('test'),
    }
  },
}

export const splits = (examples, count, share = 0.2) =>
  Array.from({ length: count }, (_, seed) => splitExamples(examples, share, { seed }))

export const accuracy = (score) => score.accuracy
export const f1OfSpam = (score) => score.perClass.spam.f1
