/** A decoder that repeats words of its source, known or not (pointer-generator). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import {
  convert,
  LanguageModel,
  optim,
  Seq2Seq,
  Seq2SeqEnsemble,
  Tokenizer,
  type Pair,
} from 'rnnative'
import type { Seq2SeqModelOptions } from 'rnnative'
import { IGNORED, padPairs, PairSet } from '#dist/data/index.js'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))

/** Who greets whom: names are in no vocabulary, and stand somewhere among words that are. */
const FRAME = ['one', 'two', 'and', 'says', 'to', 'greets']
function greetings(count: number, seed: number): Pair[] {
  let state = seed
  const draw = (n: number) => (state = (state * 1103515245 + 12345) % 2 ** 31) % n
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = [`n${seed}a${i}`, `n${seed}b${i}`]
    const before = FRAME.slice(0, draw(3)).join(' ')
    return [`${before} ${a} says to ${b}`.trim(), `${b} greets ${a}`]
  })
}
const pairs = greetings(120, 1)
const held = greetings(20, 2)
const words = Tokenizer.spaces(FRAME)

const make = (options: Partial<Seq2SeqModelOptions> = {}) =>
  new Seq2Seq({
    ...{ source: words, target: words, copy: true, cell: 'gru', hidden: 24, seed: 3 },
    ...{ encoder: { bidirectional: true }, ...options },
  })
const fits = () => ({ batchTokens: 150, optimizer: optim.adam({ lr: 0.01 }) })

test.serial('words that were never seen are copied, however they are decoded', async (t) => {
  await using model = make()
  const { validation } = await model.fit(pairs, { ...fits(), epochs: 12, validation: held })
  const sources = held.map(([source]) => source)
  const wanted = held.map(([, target]) => target as string)
  const right = (all: readonly { text: string }[]) =>
    all.filter(({ text }, i) => text === wanted[i]).length
  const found = await model.translate(sources, { beam: 3, alignments: true })
  t.true(right(found) >= 18, `${right(found)} of 20 with a loss of ${validation}`)
  t.true(right(await model.translate(sources, { beam: 1, batch: 7 })) >= 18)
  t.true(right(await model.sample(sources, { temperature: 0 })) >= 18)
  t.is((await model.sample(sources, { samples: 2, seed: 1 })).length, 20)
  let streamed = ''
  for await (const piece of model.stream(sources[0] as string, { temperature: 0 }))
    streamed += piece
  t.is(streamed, found[0]?.text)
  t.true(found[0]!.tokens.some((id) => id >= model.target.size))
  t.deepEqual(found[0]?.attention?.target, [...found[0]!.text.split(' '), '</s>'])

  // A search counts what `score` does, alone as among others.
  const [score] = await model.score([[sources[3] as string, found[3]!.text]])
  t.true(Math.abs(score!.logProbability - found[3]!.logProbability) < 1e-4)
  const [alone] = await model.translate([sources[3] as string], { beam: 3 })
  t.is(alone?.text, found[3]?.text)
  t.true(Math.abs(alone!.logProbability - found[3]!.logProbability) < 1e-5)
  t.is((await model.evaluate(held)).nats, validation as number)

  const saved = join(directory, 'model')
  await model.save(saved)
  await using loaded = await Seq2Seq.load(saved)
  t.deepEqual(await loaded.translate(sources), await model.translate(sources))
  const both = await new Seq2SeqEnsemble([model, loaded]).translate(sources, { beam: 3 })
  t.deepEqual(both.map(({ text }) => text), found.map(({ text }) => text)) // prettier-ignore
})

test.serial('of every kind, and resumed bit for bit; coverage is told apart', async (t) => {
  for (const options of [
    { attention: 'general', reverseSource: true, inputFeeding: true, encoder: {} },
    { layers: 2, residual: true, cell: 'lstm', tieEmbeddings: 'all', embedding: 7, dropout: 0.1 },
    { device: 'reference', attention: 'dot', hidden: 8 },
  ] as Partial<Seq2SeqModelOptions>[]) {
    const some = [...pairs.slice(0, 20), ['', 'one'], ['two', '']] as Pair[]
    const learning = () => ({ ...fits(), coverage: 0.5 })
    await using whole = make(options)
    const losses: number[] = []
    for await (const { loss, penalties } of whole.fit(some, { ...learning(), maxSteps: 6 })) {
      losses.push(loss)
      t.true((penalties?.['coverage'] as number) > 0)
    }
    const checkpoint = join(directory, `run-${options.attention ?? 'additive'}`)
    await using first = make(options)
    await first.fit(some, { ...learning(), checkpoint, maxSteps: 3 })
    await using second = make({ ...options, seed: 9 })
    const rest: number[] = []
    const more = { ...learning(), checkpoint, resume: true, maxSteps: 6 }
    for await (const { loss } of second.fit(some, more)) rest.push(loss)
    t.deepEqual(rest, losses.slice(3))
    t.is((await whole.translate(['', 'zzz'], { maxLength: 3 })).length, 2)
  }
})

test('a batch holds what is copied, and padding none of it', async (t) => {
  const target = words.withBoundaries()
  const [size, one, end] = [target.size, target.idOf('one')!, target.end!]
  const encoding = { source: words, target, copy: true, reverseSource: true }
  const set = await PairSet.encode([['x one y x', 'y nobody x one']], encoding)
  const batch = set.assemble([0])
  // x and y are numbered as they come in the text, which is read backwards.
  t.deepEqual([...batch.copy!.ids], [size, size + 1, one, size])
  t.deepEqual([...batch.copy!.outputs], [size + 1, 0, size, one, end])
  t.deepEqual([...batch.outputs], [IGNORED, 0, IGNORED, one, end])
  t.deepEqual([...batch.target.ids], [target.begin, 0, 0, 0, one])
  const wide = padPairs(batch, { rows: 2, source: 5, target: 6 })
  t.deepEqual([...wide.copy!.ids].filter((_, i) => i % 2 === 0), [...batch.copy!.ids, 0]) // prettier-ignore
  t.is([...wide.copy!.outputs].filter((id) => id === IGNORED).length, 7)
  await using model = make()
  const sum = async (rows: typeof batch) => {
    const { pairInputs, pairTensors } = await import('#dist/models/seq2seq/network.js')
    const { sendInputs } = await import('#dist/train/objective.js')
    const losses = model.network.eval().losses(pairTensors(sendInputs(pairInputs(rows), 'cpu')))
    return Float64Array.from(await losses.data()).reduce((all, loss) => all + loss, 0)
  }
  t.true(Math.abs((await sum(batch)) - (await sum(wide))) < 1e-4)
})

test('what does not go with copying is named', async (t) => {
  const code = 'ERR_ARGUMENT'
  const bytes = Tokenizer.bytes()
  t.throws(() => make({ attention: 'none' }), { code, message: /copy: expected false without/ })
  t.throws(() => make({ source: bytes, target: bytes }), { code, message: /\[seq2seq\] copy: / })
  t.throws(() => make({ source: Tokenizer.characters('ab') }), { code, message: /of one kind/ })
  await using model = make()
  for (const [name, value] of [
    ['labelSmoothing', 0.1],
    ['confidencePenalty', 0.1],
  ] as const)
    // prettier-ignore
    await t.throwsAsync(Promise.resolve(model.fit(pairs, { [name]: value })), {
      ...{ code, message: new RegExp(`${name}: expected 0 with copy`) },
    })
  await using plain = make({ copy: false })
  const set = await PairSet.encode(pairs, { source: words, target: plain.target, copy: true })
  await t.throwsAsync(Promise.resolve(plain.fit(set)), { code, message: /without copying/ })
  await using lm = new LanguageModel({ tokenizer: words, hidden: 4 })
  const terms = [{ model: lm, weight: 1 }]
  await t.throwsAsync(model.translate(['one'], { terms }), {
    code,
    message: /terms: expected none/,
  })
  const mixed = new Seq2SeqEnsemble([model, plain])
  await t.throwsAsync(mixed.translate(['one']), { code, message: /models: expected/ })
  await t.throwsAsync(convert.writeOnnx(join(directory, 'a.onnx'), model), {
    ...{ code: 'ERR_UNSUPPORTED', message: /copy/ },
  })
  await using blind = make({ copy: false, attention: 'none' })
  await t.throwsAsync(Promise.resolve(blind.fit(pairs, { coverage: 1 })), {
    ...{ code, message: /coverage: expected 0 without attention/ },
  })
})
