// What cannot be learned from is told before the first step.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LanguageModel, memory, Seq2Seq, setMemoryLimit, Tokenizer, type Pair } from 'rnnative'
import { PairSet } from '#dist/data/index.js'
import { pairNats } from '#dist/models/seq2seq/task.js'
import { cutToCells } from '#dist/models/seq2seq/room.js'
import { makeModel, temporaryDirectory, text, tokenizer } from './language/support.mjs'
import { makeSeq2Seq, pairs } from './seq2seq/pairs.mjs'

const reading = { batch: 4, steps: 10, epochs: 3 }

test('ids out of range are told before the first step, by their position', async (t) => {
  const wrong = Int32Array.from({ length: 4000 }, (_, i) => (i === 3990 ? 999 : 1 + (i % 12)))
  const inputs: [string | Int32Array, object, RegExp][] = [
    [wrong, {}, /^\[fit\] text: .* got 999 at position 3990$/],
    [text, { validation: Int32Array.of(1, 2, -1) }, /^\[fit validation\] text: .* got -1 at/],
  ]
  for (const [data, options, message] of inputs) {
    await using model = makeModel()
    const checkpoint = join(temporaryDirectory(), 'run')
    const steps: number[] = []
    const watch = ({ step }: { step: number }) => void steps.push(step)
    const run = model.fit(data, { ...reading, checkpoint, watch, ...options })
    await t.throwsAsync(run.then(), { code: 'ERR_INDEX', message })
    t.deepEqual(steps, [])
    t.false(existsSync(join(checkpoint, 'latest')))
  }
})

test('ids are copied at the call', async (t) => {
  const ids = tokenizer.encode(text)
  const learn = async (change: (ids: Int32Array) => unknown) => {
    await using model = makeModel()
    const [own, held] = [ids.slice(), ids.slice(0, 200)]
    const run = model.fit(own, { ...reading, epochs: 1, validation: held })
    change(own)
    change(held)
    const { loss, validation } = await run
    return { loss, validation }
  }
  const wanted = await learn(() => undefined)
  t.deepEqual(await learn((own) => own.fill(0)), wanted)
  t.deepEqual(
    await learn((own) => structuredClone(own, { transfer: [own.buffer as ArrayBuffer] })),
    wanted,
  )
  await using model = makeModel()
  const own = ids.slice()
  const score = model.evaluate(own)
  own.fill(0)
  t.is((await score).nats, (await model.evaluate(ids)).nats)
})

test('a list of pairs is copied at the call', async (t) => {
  const learn = async (change: (all: Pair[]) => unknown) => {
    await using model = makeSeq2Seq()
    const [own, held] = [pairs.slice(), pairs.slice(0, 9)]
    const run = model.fit(own, { maxSteps: 2, validation: held })
    change(own)
    change(held)
    const { loss, validation } = await run
    return { loss, validation }
  }
  t.deepEqual(await learn((all) => all.splice(2)), await learn(() => undefined))
})

test('validation: null is none', async (t) => {
  await using translator = makeSeq2Seq()
  await using writer = makeModel()
  t.like(await translator.fit(pairs, { maxSteps: 2, validation: null }), { step: 2 })
  t.like(await writer.fit(text, { ...reading, maxSteps: 2, validation: null }), {
    ...{ step: 2, validation: null, best: null },
  })
  await t.throwsAsync(writer.fit(text, { patience: 2, validation: null }).then(), {
    message: /patience: .* without validation data/,
  })
})

test.serial('a pair too long for the memory there is is told before the first step', async (t) => {
  const limit = memory().limit
  const short = Array.from({ length: 300 }, (): Pair => ['a b', 'x y'])
  const longs = { attention: 15000, 'what else is held': 5000 }
  setMemoryLimit(300e6)
  try {
    for (const [what, length] of Object.entries(longs)) {
      const long: Pair = ['a '.repeat(length), 'x '.repeat(length)]
      const tokenizers = { source: Tokenizer.spaces('a b'), target: Tokenizer.spaces('x y') }
      const inputs: [Pair[], object, string][] = [
        [[...short, long], {}, `[fit] pair 300: ${length} source and ${length + 1} target tokens`],
      ]
      // Forward it would fit.
      if (what === 'attention')
        inputs.push([short, { validation: [long, ...short] }, '[fit validation] pair 0: '])
      for (const [all, options, begin] of inputs) {
        await using model = new Seq2Seq({ ...tokenizers, hidden: 64, seed: 1 })
        const steps: number[] = []
        const watch = ({ step }: { step: number }) => void steps.push(step)
        const run = model.fit(all, { epochs: 1, batchTokens: 200, watch, ...options })
        const error = await t.throwsAsync(run.then(), { code: 'ERR_OUT_OF_MEMORY' }, what)
        t.true(error?.message.startsWith(begin), error?.message)
        t.deepEqual(steps, [])
        t.like(await model.fit(short, { maxSteps: 1 }), { step: 1 })
      }
    }
  } finally {
    setMemoryLimit(limit)
  }
})

test('long pairs are scored apart from short ones, all of them once', async (t) => {
  const lengths = [...new Array<number>(600).fill(3), 5000, 4000, 2]
  const all = lengths.map((length): Pair => ['a '.repeat(length), 'x '.repeat(length)])
  const model = { source: Tokenizer.spaces('a b'), target: Tokenizer.spaces('x').withBoundaries() }
  const set = await PairSet.encode(all, model)
  const indices = Uint32Array.from(lengths, (_, i) => i)
  const parts = cutToCells(set, indices)
  t.deepEqual(
    parts.flatMap((part) => [...part]).sort((a, b) => a - b),
    [...indices],
  )
  t.deepEqual(
    parts.map(({ length }) => length),
    [601, 1, 1],
  )
  await using scorer = makeSeq2Seq()
  const some = await PairSet.encode(pairs, { source: scorer.source, target: scorer.target })
  const nats = await pairNats(scorer.network, some, () => undefined)
  t.is(nats.length, pairs.length)
})

test('pairs of other tokenizers are refused', async (t) => {
  await using model = makeSeq2Seq()
  const other = Tokenizer.characters('abcdefghijk').withBoundaries()
  const set = await PairSet.encode([['k', 'a']], { source: other, target: other })
  await t.throwsAsync(model.fit(set).then(), { code: 'ERR_INDEX', message: /^\[fit\] sources/ })
})

test('a model can be stopped while its data is read', async (t) => {
  await using writer = new LanguageModel({ tokenizer: Tokenizer.bytes(), hidden: 4, layers: 1 })
  const run = writer.fit(new Int32Array(1 << 24), reading)
  run.abort()
  t.like(await run, { stopped: 'aborted', step: 0 })
})
