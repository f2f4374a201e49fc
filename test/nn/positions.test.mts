/** `nn.PositionEmbedding`, and models whose tokens have positions, held against plain computations. */
import test, { type ExecutionContext } from 'ava'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LanguageModel, nn, ops, randn, scheduledSampling, Seq2Seq, tensor } from 'rnnative'
import { Tokenizer, zeros, type Tensor } from 'rnnative'
import type { PairBatch } from '#dist/data/index.js'
import { ScheduledSampling } from '#dist/models/seq2seq/sampled-inputs.js'

const values = async (x: Tensor | null | undefined) => Array.from((await x?.data()) ?? [])
async function near(t: ExecutionContext, a: Tensor, b: Tensor | readonly number[], what: string) {
  const [x, y] = [await values(a), b instanceof Array ? b : await values(b as Tensor)]
  t.is(x.length, y.length, what)
  const worst = Math.max(0, ...x.map((value, i) => Math.abs(value - (y[i] as number))))
  t.true(worst < 1e-5, `${what}: ${worst}`)
}

test('sinusoids are those of the paper, and are no parameters', async (t) => {
  using positions = new nn.PositionEmbedding(20, 5, { kind: 'sinusoidal', deviation: 0.5 })
  t.is(positions.parameterCount, 0)
  const x = randn([3, 2, 5], { seed: 1 })
  const expected = (await values(x)).map((value, at) => {
    const [i, p] = [at % 5, 7 + Math.floor(at / 10)]
    const angle = p / 10000 ** ((2 * Math.floor(i / 2)) / 5)
    return value + 0.5 * (i % 2 === 0 ? Math.sin(angle) : Math.cos(angle))
  })
  await near(t, positions.forward(x, { first: 7 }), expected, 'sum')
})

test('learned ones are rows of a parameter that begin again after the limit, and so learn', async (t) => {
  using positions = new nn.PositionEmbedding(4, 3, { seed: 1 })
  const weight = positions.weight as nn.Parameter
  using x = randn([6, 2, 3], { seed: 2 })
  const rows = await values(weight)
  const expected = (await values(x)).map(
    (value, at) => value + (rows[((3 + Math.floor(at / 6)) % 4) * 3 + (at % 3)] as number),
  )
  const sum = positions.forward(x, { first: 3 })
  await near(t, sum, expected, 'sum')
  ops.sum(sum).backward()
  // Each row of two samples; position 3 and 0 are met twice by the six steps 3 0 1 2 3 0.
  t.deepEqual(
    await values(weight.grad),
    [4, 2, 2, 4].flatMap((n) => [n, n, n]),
  )
  const stack = new nn.Sequential(positions, new nn.LSTM({ input: 3, hidden: 2, seed: 1 }))
  t.deepEqual(stack.forward(x, { lengths: [6, 0] }).shape, [6, 2, 2])
})

test('what makes no sense is refused by name', (t) => {
  const refused = (make: () => unknown, message: RegExp, code = 'ERR_ARGUMENT') =>
    t.throws(make, { code, message })
  refused(() => new nn.PositionEmbedding(0, 3), /\[positionEmbedding\] limit: expected a whole/)
  const kind = { kind: 'rotary' } as unknown as nn.PositionEmbeddingOptions
  refused(() => new nn.PositionEmbedding(3, 3, kind), /kind: expected 'learned' or 'sinusoidal'/)
  const large = { kind: 'sinusoidal' } as const
  refused(() => new nn.PositionEmbedding(65536, 65536, large), /limit, features: expected at most/)
  const positions = new nn.PositionEmbedding(3, 3)
  const shape = /x: expected \[time, batch, 3\], got \[2, 3\]/
  refused(() => positions.forward(randn([2, 3])), shape, 'ERR_SHAPE')
  refused(() => positions.forward(randn([2, 1, 3]), { first: -1 }), /first: expected a whole/)
  const model = { tokenizer: Tokenizer.bytes(), hidden: 4 }
  const other = { ...model, positions: 'rotary' as 'learned' }
  refused(() => new LanguageModel(other), /\[language model\] positions: expected 'learned' or/)
})

const text = 'the cat sat on the mat, and so did the rat.\n'.repeat(30)
const letters = Tokenizer.characters(text)
const makeModel = (positions: nn.PositionKind, options = {}) =>
  new LanguageModel({
    ...{ tokenizer: letters, hidden: 12, layers: 2, seed: 3, positions, positionLimit: 100 },
    ...options,
  })

/** The stack run on sums that are made here. */
async function plainly(model: LanguageModel, ids: Int32Array): Promise<Tensor> {
  const { embedding, positions, rnn } = model.network
  const [words, table] = [
    await values(embedding.weight),
    await values(positions!.forward(zeros([100, 1, 12]))),
  ]
  const x = Array.from(ids).flatMap((id, at) =>
    Array.from({ length: 12 }, (_, i) => words[id * 12 + i]! + table[(at % 100) * 12 + i]!),
  )
  return rnn.forward(tensor(x, [ids.length, 1, 12])).output
}

for (const kind of ['learned', 'sinusoidal'] as const) {
  test(`language models, ${kind}: in one go, in windows, from tables, in evaluation and in scores`, async (t) => {
    await using model = makeModel(kind)
    const network = model.network.eval()
    const ids = letters.encode(text).slice(0, 151)
    const steps = (from: number, to: number) =>
      tensor(ids.subarray(from, to), [to - from, 1]) as Tensor
    const expected = await plainly(model, ids)
    // So many ids are looked up in a table that is made for them; few are not.
    await near(t, network.forward(steps(0, 151), null).output, expected, 'whole')
    const half = network.forward(steps(0, 140), null)
    const few = network.forward(steps(140, 151), half.state, 140).output
    await near(t, few, (await values(expected)).slice(140 * 12), 'window')
    const positions = tensor(
      Int32Array.from({ length: 11 }, (_, i) => (140 + i) % 100),
      [11, 1],
    )
    const given = network.forward(steps(140, 151), half.state, positions).output
    t.deepEqual(await values(given), await values(few))
    for (const all of [false, true]) {
      const made = network.forward(steps(140, 151), half.state, 140, network.tables(all)).output
      await near(t, made, (await values(expected)).slice(140 * 12), 'table')
    }
    const { weight, bias } = network.output as nn.Linear
    const before = ops.slice(expected, 0, 0, 150)
    const { losses } = ops.crossEntropyLosses(before, steps(1, 151), { weight, bias })
    const loss = (await values(losses)).reduce((sum, x) => sum + x, 0)
    t.true(Math.abs((await model.evaluate(ids)).nats - loss / 150) < 1e-5)
  })

  test(`language models, ${kind}: what is generated is what one pass over it says`, async (t) => {
    await using model = makeModel(kind)
    await model.fit(text, { steps: 20, batch: 4, epochs: 2 })
    for (const length of [3, 120]) {
      let written = ''
      for await (const piece of model.generate('the', { length, temperature: 0 })) written += piece
      const ids = letters.encode(`the${written}`)
      t.is(ids.length, 3 + length)
      const logits = model.network.output.forward(await plainly(model, ids))
      const { tokens } = ops.sampleTokens(ops.reshape(logits, [ids.length, -1]), { temperature: 0 })
      t.deepEqual((await values(tokens)).slice(2, -1), Array.from(ids.slice(3)))
    }
  })

  test(`language models, ${kind}: resumed bit for bit, in parts, saved, validated as trained`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'rnnative-positions-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const weights = async (model: LanguageModel) =>
      Promise.all([...model.network.parameters()].map(values))
    const fit = { steps: 20, batch: 4, validation: text }
    const kept = { ...fit, checkpoint: join(directory, 'run') }
    await using whole = makeModel(kind)
    const { validation } = await whole.fit(text, { ...fit, maxSteps: 30 })
    await using half = makeModel(kind)
    await half.fit(text, { ...kept, maxSteps: 7 })
    await using resumed = makeModel(kind)
    await resumed.fit(text, { ...kept, maxSteps: 30, resume: true })
    t.deepEqual(await weights(resumed), await weights(whole))
    await using parts = makeModel(kind)
    await parts.fit(text, { ...fit, maxSteps: 30, accumulate: 2 })
    for (const [i, parameter] of parts.network.parameters().entries())
      await near(t, parameter, (await weights(whole))[i]!, 'in parts')
    t.is((await whole.evaluate(text)).nats, validation as number)
    await whole.save(join(directory, 'model'))
    await using again = await LanguageModel.load(join(directory, 'model'))
    t.like(again.options, { positions: kind, positionLimit: 100 })
    t.is((await again.evaluate(text)).nats, validation as number)
  })

  for (const attention of ['additive', 'dot', 'none'] as const)
    for (const inputFeeding of attention === 'none' ? [false] : [false, true])
      test(`translators, ${kind}, ${attention}, input feeding ${inputFeeding}: a search scores as a whole pass`, async (t) => {
        const words = Tokenizer.spaces(['a b c d'])
        const sizes = { source: words, target: words, hidden: 6, seed: 3, layers: 2 }
        const kinds = { attention, inputFeeding, positions: kind, positionLimit: 6 }
        await using model = new Seq2Seq({ ...sizes, ...kinds })
        const pairs = ['a b', 'd c b a', 'b b', 'c a d'].map((line) => [line, line] as const)
        await model.fit(pairs, { epochs: 3 })
        const sources = ['a b c d', 'b', 'd d a', '']
        const search = { beam: 3, nBest: 3, maxLength: 9, lengthPenalty: 0 }
        const found = await model.translate(sources, search)
        for (const [i, source] of sources.entries()) {
          const [alone] = await model.translate([source], search)
          const texts = (of: typeof alone) => of?.nBest.map(({ text }) => text)
          t.deepEqual(texts(alone), texts(found[i]))
          for (const { text, logProbability, truncated } of found[i]!.nBest) {
            if (truncated) continue
            const [score] = await model.score([[source, text]])
            const off = Math.abs(score!.logProbability - logProbability)
            t.true(off < 1e-4, `${source}: ${text}: ${off}`)
          }
        }
      })
}

test('tokens that a decoder chooses for itself have their positions, too', async (t) => {
  const words = Tokenizer.spaces(['a b c d'])
  const sizes = { source: words, target: words, hidden: 6, seed: 3, attention: 'dot' } as const
  await using model = new Seq2Seq({ ...sizes, positions: 'learned', positionLimit: 4 })
  const { network } = model
  const source = { steps: 2, ids: Int32Array.of(1, 2, 3, 4), lengths: Int32Array.of(2, 2) }
  const target = { steps: 6, ids: new Int32Array(12).fill(1), lengths: Int32Array.of(6, 6) }
  const always = new ScheduledSampling(scheduledSampling.linear({ steps: 1 }), 1)
  const batch = { rows: 2, source, target, outputs: new Int32Array(12) } as PairBatch
  const ids = always.inputs(network, batch, 5) as Tensor
  const { sources, state } = network.eval().encode(source)
  const { features } = network.decoder.forward(ids, { sources, state })
  const logits = ops.reshape(network.decoder.output.forward(features), [12, -1])
  const { tokens } = ops.sampleTokens(logits, { temperature: 0 })
  t.deepEqual((await values(ids)).slice(2), (await values(tokens)).slice(0, -2))
})

test('a translator without positions is another than one with', async (t) => {
  const words = Tokenizer.spaces(['a b c d'])
  const sizes = { source: words, target: words, hidden: 6, seed: 3 }
  await using plain = new Seq2Seq(sizes)
  await using model = new Seq2Seq({ ...sizes, positions: 'sinusoidal' })
  const { encoder, decoder } = model.network
  t.is(model.network.parameterCount, plain.network.parameterCount)
  t.is(plain.network.encoder.positions, null)
  const ids = tensor(Int32Array.of(3, 3, 3, 4), [2, 2])
  const x = encoder.positions!.forward(encoder.embedding.forward(ids))
  const lengths = Int32Array.of(2, 1)
  const { memory } = encoder.forward(ids, lengths)
  await near(t, memory, (encoder.rnn as nn.Recurrent).forward(x, { lengths }).output, 'memory')
  const third = decoder.positions!.forward(decoder.embedding.forward(ids), { first: 2 })
  await near(t, decoder.embed(ids, 2), third, 'decoder')
})
