/** Sources that are sequences of feature vectors. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { optim, readVectorPairs, Seq2Seq, Seq2SeqEnsemble, Tokenizer } from 'rnnative'
import type { Pair, Seq2SeqModelOptions, VectorSequence } from 'rnnative'
import { padPairs, PairSet } from '#dist/data/index.js'
import { rnnative } from '../../cli/support.mjs'
import { makePairs } from './pairs.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))
const LETTERS = 'abcdef'
const target = Tokenizer.characters(LETTERS)

/** A letter's frames: its number in three features, always the same noise, one frame or two. */
const spoken = (word: string): number[][] =>
  [...word].flatMap((letter, i) => {
    const n = LETTERS.indexOf(letter)
    const frame = [0, 1, 2].map((bit) => ((n >> bit) & 1) + Math.sin(7 * i + bit) / 10)
    return i % 2 === 0 ? [frame] : [frame, frame.map((x) => x + 0.05)]
  })
const pairsOf = (words: readonly [string, string][]) =>
  words.map(([word], i): Pair<VectorSequence> => {
    const frames = spoken(word)
    return [i % 2 === 0 ? frames : Float32Array.from(frames.flat()), word]
  })
const pairs = pairsOf(makePairs(500))
const held = pairsOf(makePairs(40, 7))

const make = (options: Partial<Seq2SeqModelOptions> = {}) =>
  new Seq2Seq({
    ...{ sourceFeatures: 3, target, hidden: 24, cell: 'gru', seed: 3 },
    ...{ encoder: { bidirectional: true }, ...options },
  })
const fitOptions = () => ({ batchTokens: 200, optimizer: optim.adam({ lr: 0.01 }) })

test.serial('learns to write what frames say; saved, loaded, and in an ensemble', async (t) => {
  await using model = make()
  const { validation } = await model.fit(pairs, { ...fitOptions(), epochs: 12, validation: held })
  const { nats } = await model.evaluate(held)
  t.is(nats, validation as number)
  const sources = held.map(([source]) => source)
  const found = await model.translate(sources, { beam: 2, alignments: true })
  const right = found.filter(({ text }, i) => text === held[i]?.[1]).length
  t.true(right >= 36, String(right))
  const frames = Array.isArray(sources[0]) ? sources[0].length : 0
  t.deepEqual(
    found[0]?.attention?.source,
    Array.from({ length: frames }, (_, i) => `${i + 1}`),
  )
  const [alone] = await model.translate([sources[3]!], { beam: 2 })
  t.is(alone?.text, found[3]?.text)
  const [score] = await model.score([[sources[3]!, alone!.text]])
  t.true(Math.abs((score?.logProbability ?? NaN) - (alone?.logProbability ?? NaN)) < 1e-4)
  t.is((await model.represent(sources)).length, 40)
  let streamed = ''
  for await (const piece of model.stream(sources[3]!, { temperature: 0 })) streamed += piece
  t.is(typeof streamed, 'string')

  const saved = join(directory, 'model')
  await model.save(saved)
  await using loaded = await Seq2Seq.load(saved)
  t.is(loaded.source, null)
  t.deepEqual(await loaded.translate(sources), await model.translate(sources))
  const both = await new Seq2SeqEnsemble([model, loaded]).translate(sources)
  t.is(both.length, 40)
})

test.serial('of every kind, empty sequences among them; a fit resumes bit for bit', async (t) => {
  const some = [
    ...pairs.slice(0, 30),
    [[], 'ab'],
    [new Float32Array(), ''],
  ] as Pair<VectorSequence>[]
  for (const options of [
    { attention: 'none', feedSummary: true, reverseSource: true },
    { positions: 'learned', embedding: 7, tieEmbeddings: 'target', dropout: 0.1 },
    { precision: 'bf16', attention: 'dot', layers: 2 },
  ] as Partial<Seq2SeqModelOptions>[]) {
    await using whole = make(options)
    const losses: number[] = []
    for await (const { loss } of whole.fit(some, { ...fitOptions(), maxSteps: 6 }))
      losses.push(loss)
    const checkpoint = join(directory, `run-${options.attention ?? 'none'}`)
    const limits = { ...fitOptions(), checkpoint, overwrite: true }
    await using first = make(options)
    await first.fit(some, { ...limits, maxSteps: 3 })
    await using second = make({ ...options, seed: 9 })
    const rest: number[] = []
    const more = { ...fitOptions(), checkpoint, resume: true, maxSteps: 6 }
    for await (const { loss } of second.fit(some, more)) rest.push(loss)
    t.deepEqual(rest, losses.slice(3))
    t.is((await whole.translate([[], spoken('abc')])).length, 2)
  }
})

test('padding is zeros behind the rows, which change nothing', async (t) => {
  const encoding = { source: null, sourceFeatures: 3, target: target.withBoundaries() }
  const set = await PairSet.encode(pairs, encoding)
  t.is(set.sourceLength(0), (pairs[0]![0] as number[][]).length)
  const batch = set.assemble([0, 1])
  const wide = padPairs(batch, { rows: 4, source: 20, target: 12 })
  if (!('vectors' in wide.source && 'vectors' in batch.source)) return t.fail()
  t.is(wide.source.vectors.length, 20 * 4 * 3)
  t.deepEqual(wide.source.vectors.subarray(0, 6), batch.source.vectors.subarray(0, 6))
  t.deepEqual([...wide.source.vectors.subarray(6, 12)], [0, 0, 0, 0, 0, 0])
  await using model = make()
  const sum = async (source: typeof batch.source) =>
    (await model.network.summary(source).data()).slice(0, 2 * 48)
  t.deepEqual(await sum(wide.source), await sum(batch.source))
})

test('what does not fit is named', async (t) => {
  const code = 'ERR_ARGUMENT'
  t.throws(() => make({ source: target }), {
    code,
    message: /source: expected none beside sourceFeatures/,
  })
  t.throws(() => make({ tieEmbeddings: 'all' }), { code, message: /tieEmbeddings/ })
  t.throws(() => make({ sourceFeatures: 0 }), { code, message: /sourceFeatures/ })
  t.throws(() => new Seq2Seq({ target } as never), { code, message: /source/ })
  await using model = make()
  const fails = (bad: unknown, message: RegExp) =>
    t.throwsAsync(model.fit([[bad, 'a']] as never), { code, message })
  await fails([[1, 2]], /pair 0: expected vectors of 3 finite numbers/)
  await fails([[1, 2, NaN]], /pair 0\[0\]\[2\]: expected a finite number/)
  await fails(new Float32Array(4), /pair 0/)
  await fails('abc', /pair 0/)
  await t.throwsAsync(model.translate(['abc']), { code, message: /sources\[0\]/ })
  await t.throwsAsync(model.translate([[[1, 2, 3]]], { replaceUnknown: true }), {
    code,
    message: /replaceUnknown/,
  })
  const texts = await PairSet.encode([['a', 'b']], {
    source: target,
    target: target.withBoundaries(),
  })
  await t.throwsAsync(model.fit(texts), {
    code,
    message: /pairs: expected of vectors of 3 numbers/,
  })
})

test.serial('from files and a shell', async (t) => {
  const file = (name: string, rows: readonly unknown[]) => {
    const path = join(directory, name)
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return path
  }
  const rows = makePairs(60).map(([word]) => ({ source: spoken(word), target: word }))
  const data = file('spoken.jsonl', rows)
  const read = await readVectorPairs(data)
  t.deepEqual(read[0], [spoken(rows[0]!.target), rows[0]!.target])
  const bad = async (row: unknown, message: RegExp) =>
    t.throwsAsync(readVectorPairs(file('bad.jsonl', [rows[0], row])), {
      code: 'ERR_FORMAT',
      message,
    })
  await bad({ source: [[1, 2]], target: 'a' }, /line 2: source: expected vectors of 3/)
  await bad({ source: 'abc', target: 'a' }, /line 2: source/)
  await bad({ source: [[1, 2, 3]] }, /line 2: target/)

  const model = join(directory, 'shell')
  const files = ['--source', data, '--target', data]
  const trained = await rnnative([
    ...['seq2seq', 'train', ...files, '--unit', 'char', '--hidden', 12, '--max-steps', 5],
    ...['--valid-source', data, '--valid-target', data, '--checkpoint', model, '--json'],
  ])
  t.is(trained.code, 0, trained.stderr)
  const input = `${JSON.stringify(rows[0])}\n${JSON.stringify(rows[1]!.source)}\n`
  const made = await rnnative(['seq2seq', 'translate', '--model', model], { input })
  t.is(made.code, 0, made.stderr)
  t.is(made.stdout.split('\n').length, 3)
  const scored = await rnnative([
    'seq2seq',
    'eval',
    '--model',
    model,
    ...files,
    '--metric',
    'exact',
  ])
  t.is(scored.code, 0, scored.stderr)
  const wrong = await rnnative(['seq2seq', 'translate', '--model', model], { input: 'abc\n' })
  t.regex(wrong.stderr, /line 1: not valid JSON/)
  t.regex(readFileSync(join(model, 'best'), 'utf8'), /step/)
})
