// What `npm run bench` runs: a suite is a script of this folder, the record that it leaves, and how that is read.
import { reading } from './measure/reading.mjs'

/**
 * `args`: always given; `quick`: besides, for a look of a minute at most; `rivals`: what it can be held against;
 * `needs`: without which it does not run; `record`: the file's name in bench/results; `out`: the option that takes the
 * file's path, where it is no `--out`; null: the script writes into RNNATIVE_RESULTS by itself; `minutes`: of a whole run.
 */
export const SUITES = [
  {
    ...{ name: 'layers', script: 'peers.mjs', record: 'layers', minutes: 60 },
    args: ['--rows', '^layers/', '--rounds', '5', '--seconds-per-row', '8'],
    quick: [
      ...['--rows', '^layers/(lstm|gru)/.*/f32/1-50-64-512-512', '--threads', '2'],
      ...['--rounds', '2', '--seconds-per-row', '3'],
    ],
    ...{ rivals: ['torch', 'ort', 'ort-node', 'tfjs'], choose: true, read: reading.rows },
  },
  {
    ...{ name: 'steps', script: 'peers.mjs', record: 'steps', minutes: 6 },
    args: ['--rows', '^(steps|ragged|generation)/', '--threads', '2'],
    quick: ['--rows', '^(steps/character|ragged/lstm)', '--rounds', '2', '--seconds-per-row', '4'],
    ...{ rivals: ['torch', 'ort', 'ort-node'], choose: true, read: reading.rows },
  },
  {
    ...{ name: 'training-memory', script: 'peers.mjs', record: 'training-memory', minutes: 10 },
    args: ['--rows', '^memory/', '--threads', '2'],
    quick: ['--rows', '^memory/lstm-1-50-64-512-512/f32'],
    ...{ rivals: ['torch'], choose: true, read: reading.memory },
  },
  {
    ...{ name: 'cells', script: 'cells.mjs', record: 'cells', minutes: 12 },
    args: [],
    quick: ['--variants', 'peephole', '--threads', '2', '--rounds', '2'],
    ...{ rivals: ['torch'], read: reading.rows },
  },
  {
    ...{ name: 'attention', script: 'attention.mjs', record: 'attention', minutes: 1 },
    ...{ args: [], quick: ['--rounds', '2'], rivals: ['torch'], read: reading.attention },
  },
  {
    ...{ name: 'decoder', script: 'seq2seq.mjs', record: 'seq2seq-training', minutes: 2 },
    ...{ args: ['--parts', 'training'], quick: ['--rounds', '1', '--batches', '1'] },
    ...{ rivals: ['torch'], needs: ['data'], read: reading.part('training') },
  },
  {
    ...{ name: 'decoding', script: 'seq2seq.mjs', record: 'seq2seq-translation', minutes: 4 },
    args: ['--parts', 'translation', '--length-penalty', '1'],
    quick: ['--rounds', '1', '--train-steps', '20'],
    ...{ rivals: ['torch'], needs: ['data'], read: reading.part('translation') },
  },
  {
    ...{ name: 'crf', script: 'crf.mjs', record: 'crf', minutes: 2 },
    ...{ args: [], quick: ['--threads', '2', '--rounds', '2'], rivals: ['torch'] },
    read: reading.rows,
  },
  {
    ...{ name: 'embeddings', script: 'lazy.mjs', record: 'lazy', out: null, minutes: 4 },
    ...{ args: [], quick: ['--seconds', '1', '--rounds', '1'], rivals: [], read: reading.lazy },
  },
  {
    ...{ name: 'vectors', script: 'acceptance/embeddings.mjs', record: 'embeddings-words' },
    ...{ out: null, minutes: 8, args: ['--only', 'words'], quick: ['--seeds', '1'] },
    ...{ rivals: ['word2vec', 'fasttext'], needs: ['data'], read: reading.vectors },
  },
  {
    ...{ name: 'texts', script: 'text-models.mjs', record: 'text-models', minutes: 8 },
    args: [],
    quick: ['--only', 'sst2', '--threads', '2', '--rounds', '1'],
    ...{ rivals: ['torch'], needs: ['data'], read: reading.rows },
  },
  {
    ...{ name: 'own-module', script: 'own-module.mjs', record: 'own-module', minutes: 4 },
    ...{ args: [], quick: ['--threads', '2', '--rounds', '1'], rivals: ['torch'], needs: ['data'] },
    read: reading.rows,
  },
  {
    ...{ name: 'forecaster', script: 'forecaster.mjs', record: 'forecaster', minutes: 6 },
    args: [],
    quick: ['--hidden', '128', '--threads', '2', '--rounds', '1'],
    ...{ rivals: ['torch'], needs: ['data'], read: reading.rows },
  },
  {
    ...{ name: 'char-lm', script: 'char-lm.mjs', record: 'char-lm', minutes: 3 },
    ...{ args: ['--seconds', '30'], quick: ['--seconds', '3', '--rounds', '1'] },
    ...{ rivals: ['torch'], read: reading.charLm },
  },
  {
    ...{ name: 'ranks', script: 'ranks.mjs', record: 'ranks', out: '--json', minutes: 8 },
    ...{ args: [], quick: ['--rows', 'char', '--rounds', '1', '--steps', '10'] },
    ...{ rivals: ['torch'], needs: ['mpi'], read: reading.ranks },
  },
  {
    ...{ name: 'latency', script: 'latency.mjs', record: 'latency', minutes: 1 },
    ...{ args: ['--vocabulary', '5000'], quick: ['--rounds', '1', '--seconds', '1'], rivals: [] },
    read: reading.latency,
  },
  {
    ...{ name: 'baselines', script: 'baselines.mjs', record: 'baselines', minutes: 5 },
    ...{ args: [], quick: ['--only', 'sst2', '--rounds', '1'], rivals: ['torch'], needs: ['data'] },
    read: reading.rows,
  },
  {
    ...{ name: 'int8', script: 'int8.mjs', record: 'int8', minutes: 3 },
    args: [],
    quick: ['--threads', '2', '--cells', 'lstm', '--hidden', '512', '--rounds', '1'],
    ...{ rivals: ['torch', 'ort'], read: reading.int8 },
  },
  {
    ...{ name: 'large-vocabulary', script: 'large-vocabulary.mjs', record: 'large-vocabulary' },
    ...{ args: [], quick: ['--only', 'wikitext-2', '--rounds', '1', '--seconds', '2'] },
    ...{ rivals: [], minutes: 8, read: reading.softmaxes },
  },
  {
    ...{ name: 'serve', script: 'serve.mjs', record: 'serve', minutes: 5 },
    ...{ args: [], quick: ['--seconds', '3', '--clients', '8'], rivals: [], read: reading.serve },
  },
  {
    ...{ name: 'startup', script: 'startup.mjs', record: 'startup', minutes: 2 },
    ...{ args: [], quick: ['--rounds', '2'], rivals: ['torch'], read: reading.plain },
  },
]

/** The suites of these names, all without any; an unknown name is refused. */
export function chooseSuites(names) {
  if (names === undefined) return SUITES
  return names.split(',').map((name) => {
    const found = SUITES.find((suite) => suite.name === name)
    if (found === undefined)
      throw new Error(`no suite ${name}: ${SUITES.map((suite) => suite.name).join(', ')}`)
    return found
  })
}
