// A translator of Multi30k, English to German (`node bench/acceptance/multi30k.mjs train NAME` trains one), in f32 and in int8: loss on
// the development set, BLEU on it and on test_2016_flickr, and the time that the latter takes, the two precisions in turn. int8 must
// be at least 1.3 times as fast, and within 0.3 BLEU.
//
//   node test/acceptance/multi30k-int8.mjs runs/multi30k/NAME [--rounds 7] [--threads 1] [--beam 5] [--length-penalty 1]
//   node test/acceptance/multi30k-int8.mjs --train-steps 300 [--rounds 3]
//
// Writes bench/results/int8-multi30k.json; with --train-steps, which trains a small model to try the script with, nothing.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { metrics, readPairs, Seq2Seq, setThreads, Tokenizer } from 'rnnative'
import { record } from './book.mjs'

const [FASTER, DIFFERENCE] = [1.3, 0.3]
const DATA = process.env.RNNATIVE_DATA ?? path.resolve(import.meta.dirname, '../../../shared/data')
const PRECISIONS = ['f32', 'int8']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: '1' },
    beam: { type: 'string', default: '5' },
    'length-penalty': { type: 'string', default: '1' },
    'train-steps': { type: 'string' },
  },
})
const [given] = positionals
const steps = values['train-steps']
if ((given === undefined) === (steps === undefined))
  throw new Error('expected a directory of a trained model, or --train-steps')
const [rounds, threads] = [Number(values.rounds), Number(values.threads)]
const search = { beam: Number(values.beam), lengthPenalty: Number(values['length-penalty']) }
setThreads(threads)

const pairsOf = (set) =>
  readPairs(
    ...['en', 'de'].map((side) =>
      path.join(DATA, 'translation/multi30k/tok', `${set}.lc.norm.tok.${side}.gz`),
    ),
  )

async function trainSmall(directory, maxSteps) {
  const pairs = await pairsOf('train')
  const tokenizer = Tokenizer.bpe(pairs.slice(0, 5000).flat(), { vocabulary: 5000 })
  const model = new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, cell: 'gru', hidden: 320, embedding: 256, seed: 1 },
    ...{ encoder: { bidirectional: true }, tieEmbeddings: 'all' },
  })
  await model.fit(pairs, { batchTokens: 1000, maxSteps })
  await model.save(directory)
  await model.dispose()
}

async function translate(model, pairs) {
  const sources = pairs.map(([source]) => source)
  const [begin, before] = [performance.now(), process.cpuUsage()]
  const found = await model.translate(sources, search)
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(before)
  const texts = found.map(({ text }) => text)
  const references = pairs.map(([, target]) => target)
  return {
    seconds,
    processor: (user + system) / 1e6,
    bleu: metrics.bleu(texts, references, { tokenize: 'none' }).score,
  }
}

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]

const scratch = mkdtempSync(path.join(tmpdir(), 'rnnative-multi30k-int8-'))
const models = {}
try {
  const directory = given ?? path.join(scratch, 'model')
  if (steps !== undefined) await trainSmall(directory, Number(steps))
  const sets = { dev: await pairsOf('val'), test_2016: await pairsOf('test_2016_flickr') }
  const scores = {}
  for (const precision of PRECISIONS) {
    models[precision] = await Seq2Seq.load(directory, { precision })
    scores[precision] = { nats: (await models[precision].evaluate(sets.dev)).nats }
    for (const [set, pairs] of Object.entries(sets))
      scores[precision][set] = (await translate(models[precision], pairs)).bleu
    console.log(precision, scores[precision])
  }
  const [seconds, processor] = [
    { f32: [], int8: [] },
    { f32: [], int8: [] },
  ]
  for (let round = 0; round < rounds; ++round)
    for (const precision of round % 2 === 0 ? PRECISIONS : PRECISIONS.toReversed()) {
      const once = await translate(models[precision], sets.test_2016)
      seconds[precision].push(once.seconds)
      processor[precision].push(once.processor)
    }
  const [f32, int8] = PRECISIONS.map((precision) => median(seconds[precision]))
  const busy = median(processor.f32) / median(processor.int8)
  const faster = f32 / int8
  const difference = scores.int8.test_2016 - scores.f32.test_2016
  const passed = faster >= FASTER && Math.abs(difference) <= DIFFERENCE
  console.log(
    `test_2016: int8 ${int8.toFixed(2)} s, f32 ${f32.toFixed(2)} s, ${faster.toFixed(2)} times as fast ` +
      `(${FASTER} asked; of the processor's time ${busy.toFixed(2)}); BLEU ${difference >= 0 ? '+' : ''}${difference.toFixed(2)} ` +
      `(${DIFFERENCE} allowed): ${passed ? 'passed' : 'FAILED'}`,
  )
  if (given !== undefined)
    record('int8-multi30k', {
      ...{ passed, model: directory, search, asked: { faster: FASTER, bleu: DIFFERENCE } },
      ...{ scores, faster, medians: { f32, int8 }, seconds },
      processor: { faster: busy, seconds: processor },
    })
  process.exitCode = passed ? 0 : 1
} finally {
  for (const model of Object.values(models)) await model.dispose()
  rmSync(scratch, { recursive: true })
}
