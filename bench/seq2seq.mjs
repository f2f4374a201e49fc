// A GRU encoder-decoder with additive attention on Multi30k, English to German, ours and PyTorch's in
// turn: whole training steps over the same batches, and the 1,000 sentences of test_2016_flickr by beam
// search with the same weights:
//
//   node bench/seq2seq.mjs [--parts training,translation] [--threads 2] [--rounds 7]
//     [--vocabulary 8000] [--batch-tokens 4096] [--batches 4]
//     [--model DIR | --train-steps 300] [--beam 5] [--length-penalty 0] [--batch N]
//     [--compiled] [--python PATH] [--json] [--out FILE]
//
// PyTorch takes the fastest of several ways to write it (contestants/torch/torch_seq2seq.py, contestants/torch/torch_beam.py),
// torch.compile among them with --compiled, and gets an allocator that keeps its memory. `--model`: a
// directory that `Seq2Seq.save` or a checkpoint wrote; without it a model is trained for --train-steps.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { Seq2Seq, Tokenizer } from '#dist/index.js'
import { findModel } from '#dist/io/model-directory.js'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { measureRow } from './measure/measure.mjs'
import { firstBatches, multi30k, testSources } from './measure/multi30k.mjs'
import { makeModel } from './contestants/ours/ours-seq2seq.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    parts: { type: 'string', default: 'training,translation' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
    vocabulary: { type: 'string', default: '8000' },
    'batch-tokens': { type: 'string', default: '4096' },
    batches: { type: 'string', default: '4' },
    model: { type: 'string' },
    'train-steps': { type: 'string', default: '300' },
    beam: { type: 'string', default: '5' },
    'length-penalty': { type: 'string', default: '0' },
    batch: { type: 'string' },
    compiled: { type: 'boolean', default: false },
    python: { type: 'string' },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})

const SEED = 1
const BOUNDARIES = 2 // <s> and </s>
/** glibc returns large blocks to the system at once, and faults their pages in again. */
const KEEP_MEMORY = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: String(2 ** 32),
  MALLOC_TOP_PAD_: String(2 ** 28),
}

const { compiled } = options
const threads = Number(options.threads)
const limits = { rounds: Number(options.rounds), secondsPerRow: 600 }
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-seq2seq-'))
const file = (name) => path.join(scratch, name)
const write = (name, value) => {
  writeFileSync(file(name), JSON.stringify(value))
  return file(name)
}
const read = (name) => JSON.parse(readFileSync(file(name), 'utf8'))

/** One vocabulary for both languages, boundaries included. */
async function newModel(pairs) {
  const vocabulary = Number(options.vocabulary) - BOUNDARIES
  return makeModel(Tokenizer.bpe(pairs.flat(), { vocabulary }).withBoundaries())
}

async function measureTraining(house, pairs) {
  const how = { batchTokens: Number(options['batch-tokens']), count: Number(options.batches) }
  const model = await newModel(pairs)
  const { source: tokenizer, parameterCount } = model
  const batches = await firstBatches(pairs, model, { ...how, seed: SEED })
  await model.dispose()
  await tokenizer.save(file('tokenizer.json'))
  const { begin, end, size } = tokenizer
  const task = {
    ...{ kind: 'seq2seq', ...how, seed: SEED, clipNorm: 1, tokenizer: file('tokenizer.json') },
    batches: write('batches.json', { vocabulary: size, begin, end, batches }),
  }
  const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0)
  const plain = { ...task, form: 'as one would write it' }
  const entrants = [
    { name: 'ours', contestant: 'ours', task },
    { name: 'torch', contestant: 'torch', task: { ...task, compiled } },
    { name: 'torch plain', contestant: 'torch', task: plain },
  ]
  const row = { section: 'seq2seq', threads, tokens, entrants }
  const { results } = await measureRow(row, house, limits)
  return { ...how, tokens, parameters: parameterCount, results }
}

/** The directory of a model, and how it came about. */
async function modelToTest(pairs) {
  if (options.model) return { directory: await findModel(options.model), trained: options.model }
  const maxSteps = Number(options['train-steps'])
  const model = await newModel(pairs)
  await model.fit(pairs, { maxSteps })
  await model.save(file('model'))
  await model.dispose()
  return { directory: file('model'), trained: `${maxSteps} steps of this bench's own` }
}

async function measureTranslation(house, pairs) {
  const { directory, trained } = await modelToTest(pairs)
  const model = await Seq2Seq.load(directory)
  const sources = await testSources(model)
  const { begin, end } = model.target
  await model.dispose()
  const how = { beam: Number(options.beam), lengthPenalty: Number(options['length-penalty']) }
  const task = { kind: 'translation', ...how }
  const ours = { ...task, directory, out: file('ours.json') }
  if (options.batch) ours.batch = Number(options.batch)
  const torch = {
    ...{ ...task, compiled, out: file('torch.json') },
    model: path.join(directory, 'model.safetensors'),
    sources: write('sources.json', { begin, end, sources }),
  }
  const entrants = [
    { name: 'ours', contestant: 'ours', task: ours },
    { name: 'torch', contestant: 'torch', task: torch },
  ]
  const { results } = await measureRow({ section: 'translation', threads, entrants }, house, limits)
  const found = read('ours.json')
  const theirs = results.torch.unavailable ? null : read('torch.json')
  const same = theirs && found.filter((tokens, i) => tokens.join() === theirs[i].join()).length
  const length = found.reduce((sum, tokens) => sum + tokens.length, 0) / found.length
  return { ...how, model: trained, sentences: sources.length, same, length, results }
}

function print({ training, translation }) {
  for (const [part, speed] of [
    [training, (result) => `${Math.round(result.tokensPerSecond).toLocaleString('en')} tokens/s`],
    [translation, (result) => `${(result.milliseconds / 1000).toFixed(2)} s`],
  ])
    for (const [name, result] of Object.entries(part?.results ?? {})) {
      const variant = result.variant ? ` (${result.variant})` : ''
      const ratio = part.results.ours.ratio?.[name]
      const times = ratio ? `, ours is ${ratio.toFixed(2)} times as fast` : ''
      const text = result.unavailable ?? speed(result)
      console.log(`${part === training ? 'training' : 'beam'}: ${name}${variant} ${text}${times}`)
    }
  if (translation?.same != null)
    console.log(`${translation.same} of ${translation.sentences} translations are the same`)
}

const house = new House(setUpPython(options.python), { environments: { torch: KEEP_MEMORY } })
try {
  const parts = options.parts.split(',')
  const pairs = await multi30k('train')
  const result = {
    ...circumstances(),
    threads,
    versions: house.versions,
  }
  if (parts.includes('training')) result.training = await measureTraining(house, pairs)
  if (parts.includes('translation')) result.translation = await measureTranslation(house, pairs)
  result.idle = house.idleUse()
  if (options.json) console.log(JSON.stringify(result, null, 2))
  else print(result)
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 2) + '\n')
} finally {
  await house.close()
  rmSync(scratch, { recursive: true })
}
