/** `zoneout` (Krueger et al. 2017) as layers and models have it; its math: test/ops/recurrent/phases.test.mts. */
import test from 'ava'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LanguageModel, nn, ops, randn, Seq2Seq, Tokenizer, type Tensor } from 'rnnative'
import { makeRecurrent } from '#dist/nn/recurrent.js'
import { cells } from '#dist/ops/cells.js'

const values = async (x: Tensor | null) => Array.from((await x?.data()) ?? [])
const SIZES = { input: 3, hidden: 9, layers: 2, bidirectional: true, seed: 1 }

for (const { name: cell, hasC } of cells)
  test(`${cell}: draws while training, and is expected in evaluation`, async (t) => {
    using plain = makeRecurrent(cell, SIZES)
    using layer = makeRecurrent(cell, { ...SIZES, zoneout: 0.4, weightDrop: 0.2 })
    using x = randn([4, 2, 3], { seed: 2 })
    const first = await values(layer.forward(x).output)
    t.notDeepEqual(first, await values(layer.forward(x).output))
    for (const one of [plain, layer]) one.eval()
    const settings = { cell, layers: 2, directions: 2 } as const
    const amounts = { zoneout_hidden: 0.4, ...(hasC && { zoneout_cell: 0.4 }) }
    const phases = ops.recurrent(x, layer.cells(), { ...settings, phases: amounts })
    t.deepEqual(await values(layer.forward(x).output), await values(phases.output))
    t.notDeepEqual(await values(layer.forward(x).output), await values(plain.forward(x).output))
    // Gradients of what it is in evaluation flow, too.
    const loss = ops.sum(ops.square(layer.forward(x).output))
    loss.backward()
    t.true((await values(layer.parameters()[0]!.grad)).some((g) => g !== 0))
  })

test('of a state where a mask is 1 nothing changes, and h and c have masks of their own', async (t) => {
  using layer = new nn.LSTM({ input: 2, hidden: 64, zoneout: { hidden: 0.5, cell: 0.5 }, seed: 3 })
  using x = randn([1, 2, 2], { seed: 4 })
  const state = { h: randn([1, 2, 64], { seed: 5 }), c: randn([1, 2, 64], { seed: 6 }) }
  const after = layer.forward(x, { state }).state
  const stayed = async (name: 'h' | 'c') => {
    const [before, now] = [await values(state[name]), await values(after[name]!)]
    return before.map((value, i) => value === now[i])
  }
  const [h, c] = [await stayed('h'), await stayed('c')]
  for (const one of [h, c]) t.true(Math.abs(one.filter(Boolean).length - 64) < 24)
  t.notDeepEqual(h, c)
})

test('what is no probability, or is of a c where there is none, is refused by name', (t) => {
  const refused = (make: () => unknown, message: RegExp) =>
    t.throws(make, { code: 'ERR_ARGUMENT', message })
  const form =
    /\[lstm\] zoneout: expected a number in \[0, 1\) or \{ hidden, cell \} of such numbers/
  for (const zoneout of [1, -0.1, NaN, '0.1', null, { hidden: 1 }, { c: 0.1 }, { cell: '0.5' }])
    refused(() => new nn.LSTM({ ...SIZES, zoneout: zoneout as number }), form)
  const none = /zoneout.cell: expected 0 for gru, which has no c, got 0.1/
  refused(() => new nn.GRU({ ...SIZES, zoneout: { cell: 0.1 } }), none)
  t.notThrows(() => new nn.GRU({ ...SIZES, zoneout: { hidden: 0.1, cell: 0 } }).dispose())
  const model = { tokenizer: Tokenizer.bytes(), cell: 'rnn', zoneout: { cell: 0.1 } } as const
  refused(() => new LanguageModel(model), /zoneout: expected no cell part for the cell rnn/)
  using x = randn([1, 1, 3], { seed: 1 })
  const run = { cell: 'gru', layers: 2, directions: 2, phases: { zoneout_cell: 0.1 } } as const
  refused(
    () => ops.recurrent(x, new nn.GRU(SIZES).cells(), run),
    /phases.zoneout_cell: expected 0 for gru, which has no c, got 0.1/,
  )
})

test('models have it, save it, and are afterwards what they were', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-zoneout-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const text = 'abcabcabcabc '.repeat(40)
  const sizes = { hidden: 12, layers: 2, seed: 7, zoneout: { hidden: 0.1, cell: 0.4 } }
  await using model = new LanguageModel({ tokenizer: Tokenizer.characters(text), ...sizes })
  await model.fit(text, { epochs: 2, steps: 6, batch: 4 })
  await model.save(join(directory, 'lm'))
  await using again = await LanguageModel.load(join(directory, 'lm'))
  t.deepEqual(again.options.zoneout, sizes.zoneout)
  t.deepEqual(await again.evaluate(text), await model.evaluate(text))
  const words = Tokenizer.spaces(['a b c'])
  const pairs = Array.from({ length: 24 }, (_, i) => ['a b', 'b a', 'a a b'][i % 3]!)
  for (const attention of ['additive', 'dot', 'none'] as const)
    for (const inputFeeding of attention === 'none' ? [false] : [false, true]) {
      const kinds = { attention, inputFeeding, residual: inputFeeding }
      await using made = new Seq2Seq({ source: words, target: words, ...sizes, ...kinds })
      await made.fit(
        pairs.map((line) => [line, line] as const),
        { epochs: 1 },
      )
      const path = join(directory, `${attention}-${inputFeeding}`)
      await made.save(path)
      await using same = await Seq2Seq.load(path)
      t.deepEqual(await same.translate(['a b', 'b']), await made.translate(['a b', 'b']))
    }
})
