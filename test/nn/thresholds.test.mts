/** `thresholds`: shifts of the sums of gates, held against biases shifted by hand. */
import test, { type ExecutionContext } from 'ava'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LanguageModel, nn, ops, randn, Seq2Seq, Tokenizer, type Tensor } from 'rnnative'
import { makeRecurrent } from '#dist/nn/recurrent.js'
import { cells, gatesOf } from '#dist/ops/cells.js'
import { GATE_NAMES } from '#dist/models/parts/recurrent-options.js'

const values = async (x: Tensor | null | undefined) => Array.from((await x?.data()) ?? [])
const SIZES = { input: 3, hidden: 5, layers: 2, bidirectional: true, seed: 1 }
const LENGTHS = [4, 0, 3]

const gateNames = (cell: ops.Cell): readonly nn.ThresholdGate[] => {
  const kind = cell.startsWith('lstm') ? 'lstm' : cell.startsWith('gru') ? 'gru' : 'rnn'
  const all = GATE_NAMES[kind] as readonly nn.ThresholdGate[]
  return cell === 'lstm_coupled' ? all.filter((gate) => gate !== 'f') : all
}
/** 0.5 of the first gate, 0 of the second, then -0.25, 0.75: as a spec, and by gate. */
function shifts(cell: ops.Cell): { spec: nn.ThresholdsSpec; each: number[] } {
  const each = [0.5, 0, -0.25, 0.75].slice(0, gatesOf[cell])
  const named = gateNames(cell).map((gate, i) => [gate, each[i]] as const)
  return { spec: Object.fromEntries(named.filter(([, value]) => value !== 0)), each }
}

/** Adds to each bias of an input what its gate is shifted by. */
async function shiftByHand(layer: nn.Module, each: readonly number[], hidden: number) {
  for (const [name, parameter] of layer.namedParameters())
    if (name.includes('bias_ih_l')) {
      const bias = await values(parameter)
      parameter.assign(bias.map((b, i) => b + (each[Math.floor(i / hidden)] as number)))
    }
}

async function near(t: ExecutionContext, a: Tensor | null, b: readonly number[], what: string) {
  const found = await values(a)
  t.is(found.length, b.length, what)
  const worst = Math.max(0, ...found.map((value, i) => Math.abs(value - (b[i] as number))))
  t.true(worst < 1e-6, `${what}: ${worst}`)
}

for (const { name: cell } of cells) {
  test(`${cell}: as biases of inputs that are shifted, gradients of learned ones as theirs`, async (t) => {
    const { spec, each } = shifts(cell)
    using plain = makeRecurrent(cell, SIZES)
    using fixed = makeRecurrent(cell, { ...SIZES, thresholds: spec })
    using learned = makeRecurrent(cell, { ...SIZES, thresholds: { ...spec, trainable: true } })
    await shiftByHand(plain, each, 5)
    const run = async (layer: nn.Recurrent) => {
      const x = randn([4, 3, 3], { seed: 2, requiresGrad: true })
      const { output, state } = layer.forward(x, { lengths: LENGTHS })
      ops.sum(ops.mul(output, randn([4, 3, 10], { seed: 3 }))).backward()
      return { output: await values(output), h: await values(state.h), x: await values(x.grad) }
    }
    const expected = await run(plain)
    t.deepEqual(await run(fixed), expected)
    t.deepEqual(await run(learned), expected)
    t.is(fixed.parameterCount, plain.parameterCount)
    for (const [name, parameter] of learned.namedParameters()) {
      const suffix = /^threshold_(.*)$/.exec(name)?.[1]
      const own = await values(parameter.grad)
      const other = await values(plain.parameter(suffix ? `bias_ih_${suffix}` : name)?.grad)
      if (suffix === undefined) t.deepEqual(own, other, name)
      else {
        t.deepEqual(await values(parameter), each)
        t.deepEqual([...parameter.gates], gateNames(cell))
        const sums = each.map((_, gate) =>
          other.slice(gate * 5, gate * 5 + 5).reduce((sum, g) => sum + g, 0),
        )
        await near(t, parameter.grad, sums, name)
      }
    }
  })

  test(`${cell}: without biases, and with projected inputs`, async (t) => {
    const { spec, each } = shifts(cell)
    using without = makeRecurrent(cell, { ...SIZES, bias: false, thresholds: spec })
    using plain = makeRecurrent(cell, SIZES)
    plain.loadStateDict(without.stateDict(), { strict: false })
    for (const [name, parameter] of plain.namedParameters())
      if (name.startsWith('bias')) parameter.fill(0)
    await shiftByHand(plain, each, 5)
    using x = randn([4, 3, 3], { seed: 2 })
    const expected = await values(plain.forward(x, { lengths: LENGTHS }).output)
    await near(t, without.forward(x, { lengths: LENGTHS }).output, expected, 'output')
    const projected = { lengths: LENGTHS, projected: true }
    await near(t, without.forward(without.project(x), projected).output, expected, 'projected')
  })
}

for (const feeding of ['context', 'output', 'none'] as const)
  test(`an attending decoder that feeds ${feeding} has them`, async (t) => {
    const { spec, each } = shifts('lstm')
    const sizes = { cell: 'lstm', input: 3, hidden: 5, layers: 2, memory: 5, seed: 1 } as const
    const make = (thresholds?: nn.ThresholdsSpec) =>
      new nn.AttentionDecoder({ ...sizes, attention: 'dot', feeding, thresholds })
    using plain = make()
    using fixed = make(spec)
    using learned = make({ ...spec, trainable: true })
    await shiftByHand(plain, each, 5)
    t.deepEqual(await values(new Map(learned.namedParameters()).get('threshold_l1')), each)
    const run = (layer: nn.AttentionDecoder) =>
      values(layer.forward(randn([2, 2, 3], { seed: 2 }), randn([4, 2, 5], { seed: 3 })).output)
    t.deepEqual(await run(fixed), await run(plain))
    t.deepEqual(await run(learned), await run(plain))
  })

test('what is no shift of a gate of the cell is refused by name', (t) => {
  const refused = (make: () => unknown, message: RegExp) =>
    t.throws(make, { code: 'ERR_ARGUMENT', message })
  const lstm = (thresholds: unknown) => () =>
    new nn.LSTM({ ...SIZES, thresholds } as ConstructorParameters<typeof nn.LSTM>[0])
  const form = /\[lstm\] thresholds: expected finite numbers by gate \(i, f, g, o\) and, where they/
  for (const thresholds of [1, null, [1], { z: 1 }, { f: '1' }, { f: NaN }, { trainable: 1 }])
    refused(lstm(thresholds), form)
  const coupled = { ...SIZES, coupled: true, thresholds: { f: 1 } }
  refused(() => new nn.LSTM(coupled), /\[lstm_coupled\] thresholds: .* \(i, g, o\)/)
  const model = { tokenizer: Tokenizer.bytes(), hidden: 4 }
  const gru = { ...model, cell: 'gru', thresholds: { f: 1 } } as const
  refused(() => new LanguageModel(gru), /\[language model\] thresholds: .* \(r, z, n\)/)
})

const text = 'abcabcabcabc '.repeat(40)
const temporaryDirectory = (t: ExecutionContext) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-thresholds-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}
const weightsOf = async (model: LanguageModel) =>
  Object.fromEntries(
    await Promise.all(
      [...model.network.stateDict()].map(async ([name, x]) => [name, await values(x)] as const),
    ),
  )

for (const trainable of [false, true])
  test(`a language model saves them and resumes with them bit for bit, trainable: ${trainable}`, async (t) => {
    const directory = temporaryDirectory(t)
    const thresholds = { f: 1, i: -0.5, trainable }
    const make = () =>
      new LanguageModel({
        ...{ tokenizer: Tokenizer.characters(text), hidden: 12, layers: 2, seed: 7, thresholds },
      })
    const fit = { steps: 6, batch: 4 }
    const kept = { ...fit, checkpoint: join(directory, 'run') }
    await using whole = make()
    await whole.fit(text, { ...fit, maxSteps: 6 })
    await using half = make()
    await half.fit(text, { ...kept, maxSteps: 3 })
    await using resumed = make()
    await resumed.fit(text, { ...kept, maxSteps: 6, resume: true })
    t.deepEqual(await weightsOf(resumed), await weightsOf(whole))
    const learned = (await weightsOf(whole))['rnn.threshold_l1']
    if (trainable) t.notDeepEqual(learned, [-0.5, 1, 0, 0])
    else t.false('rnn.threshold_l1' in (await weightsOf(whole)))
    await whole.save(join(directory, 'model'))
    await using again = await LanguageModel.load(join(directory, 'model'))
    t.deepEqual(again.options.thresholds, thresholds)
    t.deepEqual(await again.evaluate(text), await whole.evaluate(text))
  })

test('translators have them in encoder and decoder, however they search', async (t) => {
  const words = Tokenizer.spaces(['a b c'])
  const sizes = { source: words, target: words, hidden: 6, seed: 3, cell: 'gru' } as const
  for (const attention of ['additive', 'dot', 'none'] as const)
    for (const residual of [false, true]) {
      const options = { ...sizes, attention, residual, layers: 2 }
      await using plain = new Seq2Seq(options)
      await using model = new Seq2Seq({ ...options, thresholds: { z: 1, n: -0.5 } })
      await shiftByHand(plain.network, [0, 1, -0.5], 6)
      const results = async (of: Seq2Seq) => [
        await of.score([['a b', 'b a']]),
        await of.translate(['a b', 'c'], { beam: 2, maxLength: 6, nBest: 2 }),
      ]
      t.deepEqual(await results(model), await results(plain), `${attention} ${residual}`)
    }
})
