// A pass of training over raw texts, by `TextClassifier.fit` (BiLSTM; attention, mean and maximum; SST-2, ChnSentiCorp) and by
// `SequenceTagger.fit` (letters, BiLSTM, conditional random field; WikiANN), beside PyTorch's steps with packed sequences over
// batches that are laid out already: as a shuffle leaves them (torch), and the very ones of ours, of like lengths
// (torch-sorted):
//
//   node bench/text-models.mjs [--only sst2,chnsenticorp,wikiann] [--threads 1,2] [--rounds 7] [--python PATH] [--out FILE]
//
// The data: RNNATIVE_DATA, or ../shared/data.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { data, readLabelled, readLines, SequenceTagger, TextClassifier } from '#dist/index.js'
import { encodeExamples } from '#dist/models/classifier/examples.js'
import { ExampleFeed, textBatch } from '#dist/models/classifier/task.js'
import { WordReader } from '#dist/models/tagger/batch.js'
import { TaggerFeed } from '#dist/models/tagger/task.js'
import { TagSet } from '#dist/models/tagger/vocabulary.js'
import { DATA } from './acceptance/seq2seq.mjs'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'sst2,chnsenticorp,wikiann' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})
const EXAMPLES = 1280
const TRAINING = { batch: 32, lr: 1e-3, clipNorm: 5 }
const SEED = 1

const some = (all) => {
  const each = all.length / EXAMPLES
  return Array.from({ length: EXAMPLES }, (_, i) => all[Math.floor(i * each)])
}
/** In the same order each time, by a multiplicative congruential generator. */
function shuffled(length) {
  let state = 1
  const keys = Array.from({ length }, () => (state = (state * 48271) % 2147483647))
  return [...keys.keys()].sort((a, b) => keys[a] - keys[b])
}
/** Groups of a batch's size. */
const grouped = (all) =>
  Array.from({ length: Math.ceil(all.length / TRAINING.batch) }, (_, i) =>
    all.slice(i * TRAINING.batch, (i + 1) * TRAINING.batch),
  )
const matrix = (ids, columns) =>
  Array.from({ length: ids.length / columns }, (_, t) => [
    ...ids.subarray(t * columns, (t + 1) * columns),
  ])

async function classifierOf(examples, unit) {
  const sizes = { embedding: 100, hidden: 128, dropout: 0.5 }
  const settings = { ...sizes, unit, seed: SEED, pooling: ['attention', 'mean', 'max'] }
  const classifier = await TextClassifier.for(examples, settings)
  const set = await encodeExamples('bench', classifier, examples)
  const feed = new ExampleFeed(set, '', { batch: TRAINING.batch }, classifier.options, null, SEED)
  const plain = ({ ids, lengths }, labels) => ({
    ...{ ids: matrix(ids, lengths.length), lengths: [...lengths], labels: [...labels] },
  })
  const sorted = [...feed.pass(0, 0)].map(({ batch }) => plain(batch, batch.targets.data))
  const drawn = grouped(shuffled(examples.length)).map((chosen) =>
    plain(
      textBatch(set, chosen),
      chosen.map((i) => set.labels[i][0]),
    ),
  )
  const made = { vocabulary: classifier.tokenizer.size, classes: classifier.options.labels.length }
  await classifier.dispose()
  return {
    texts: examples,
    laidOut: { torch: { ...made, batches: drawn }, 'torch-sorted': { ...made, batches: sorted } },
    ours: { kind: 'text-classifier', options: settings, training: TRAINING },
    torch: { kind: 'classifier', ...sizes, ...TRAINING },
  }
}

function taggerOf(sentences) {
  const sizes = { embedding: 100, hidden: 128, dropout: 0.5, letterEmbedding: 30, letterHidden: 50 }
  const vocabulary = SequenceTagger.vocabulary(sentences)
  const reader = new WordReader(vocabulary)
  const tags = new TagSet(vocabulary.scheme, vocabulary.types)
  const examples = sentences.map((one) => reader.example(one.words, tags.encode(one.tags, 'tags')))
  const feed = new TaggerFeed(examples, reader, {
    ...{ batch: TRAINING.batch, rareWords: 0.5, seed: SEED },
  })
  const plain = (batch) => {
    const { rows, wordLengths } = batch
    const wide = Object.fromEntries(
      ['words', 'shapes', 'which', 'tags'].map((name) => [name, matrix(batch[name], rows)]),
    )
    const letters = matrix(batch.letters, wordLengths.length)
    return { ...wide, letters, lengths: [...batch.lengths], wordLengths: [...wordLengths] }
  }
  const sorted = [...feed.pass(0, 0)].map(({ batch }) => plain(batch))
  const drawn = grouped(shuffled(examples.length)).map((chosen) =>
    plain(reader.batch(chosen.map((i) => examples[i]))),
  )
  const count = (names) => names.length + 1
  const { words, shapes, letters } = vocabulary
  const made = {
    ...{ words: count(words), shapes: count(shapes), letters: count(letters) },
    tags: tags.tags.length,
  }
  return {
    texts: sentences,
    laidOut: {
      torch: { sizes: made, batches: drawn },
      'torch-sorted': { sizes: made, batches: sorted },
    },
    ours: { kind: 'tagger', options: { ...sizes, seed: SEED }, training: TRAINING },
    torch: { kind: 'tagger', options: sizes, training: TRAINING },
  }
}

const TASKS = {
  async sst2() {
    const lines = (await readLines(`${DATA}/classification/sst2/stsa.binary.train.gz`)).filter(
      Boolean,
    )
    const examples = lines.map((line) => ({ label: line[0], text: line.slice(2) }))
    return classifierOf(some(examples), 'space')
  },
  async chnsenticorp() {
    const file = `${DATA}/classification/chnsenticorp/train.tsv.gz`
    return classifierOf(some(await readLabelled(file, { text: 'text_a', label: 'label' })), 'char')
  },
  wikiann: async () => taggerOf(some(await data.readConll(`${DATA}/ner/wikiann-en/train.gz`))),
}

const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const house = new House(setUpPython(options.python))
const write = (name, value) => {
  const file = path.join(scratch, name)
  writeFileSync(file, JSON.stringify(value))
  return file
}
try {
  const rows = []
  for (const name of options.only.split(',')) {
    const { texts, laidOut, ours, torch } = await TASKS[name]()
    const path = write(`${name}.json`, texts)
    const tokens = laidOut.torch.batches
      .flatMap(({ lengths }) => lengths)
      .reduce((sum, length) => sum + length, 0)
    const entrants = [
      { name: 'ours', contestant: 'ours', task: { ...ours, texts: path } },
      ...Object.entries(laidOut).map(([how, made]) => ({
        ...{ name: how, contestant: 'torch' },
        task: { ...torch, data: write(`${name}.${how}.json`, made) },
      })),
    ]
    for (const threads of options.threads.split(',').map(Number)) {
      const row = { section: 'text models', id: `${name}/${threads}`, threads, tokens, entrants }
      const how = { rounds: Number(options.rounds), secondsPerRow: 120 }
      const measured = await measureRow(row, house, how)
      rows.push(measured)
      console.log(formatRow(measured))
    }
  }
  const result = { ...circumstances(), versions: house.versions, training: TRAINING, rows }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
  rmSync(scratch, { recursive: true, force: true })
}
