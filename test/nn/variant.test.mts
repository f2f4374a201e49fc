import test, { type ExecutionContext } from 'ava'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LanguageModel, nn, ops, Seq2Seq, Tokenizer, uniform } from 'rnnative'
import type { LSTMOptions } from '#dist/nn/recurrent.js'

const sizes = { input: 3, hidden: 4, seed: 1 }
const names = (layer: nn.Module): string[] => [...layer.namedParameters()].map(([name]) => name)

test('options make the cell, and peepholes are parameters of those gates alone', (t) => {
  t.is(new nn.LSTM(sizes).cell, 'lstm')
  t.is(new nn.LSTM({ ...sizes, peephole: false, coupled: false }).cell, 'lstm')
  const general = new nn.LSTM({ ...sizes, peephole: true })
  t.is(general.cell, 'lstm_general')
  t.deepEqual(names(general).slice(-3), ['peephole_i_l0', 'peephole_f_l0', 'peephole_o_l0'])
  const some = new nn.LSTM({ ...sizes, peephole: ['o'], layers: 2, bidirectional: true })
  const found = names(some).filter((name) => name.startsWith('peephole'))
  t.deepEqual(
    found,
    ['l0', 'l0_reverse', 'l1', 'l1_reverse'].map((at) => `peephole_o_${at}`),
  )
  const coupled = new nn.LSTM({ ...sizes, coupled: true, peephole: true })
  t.is(coupled.cell, 'lstm_coupled')
  t.deepEqual(names(coupled).slice(-2), ['peephole_i_l0', 'peephole_o_l0'])
  t.deepEqual(coupled.parameter('weight_hh_l0')?.shape, [12, 4])
  t.is(new nn.LSTM({ ...sizes, cellClip: 3 }).cell, 'lstm_general')
})

test('what makes no sense is refused by name', (t) => {
  const refused = (options: Record<string, unknown>, message: RegExp) =>
    t.throws(() => new nn.LSTM({ ...sizes, ...options } as unknown as LSTMOptions), {
      code: 'ERR_ARGUMENT',
      message,
    })
  refused({ peephole: ['g'] }, /peephole: expected true, false or a list of one of i, f, o/)
  refused({ peephole: ['f'], coupled: true }, /peephole: expected .* 'i' or 'o'/)
  refused({ coupled: 'yes' }, /coupled: expected true or false, got "yes"/)
  refused({ activations: { gate: 'swish' } }, /activations.gate: expected one of sigmoid/)
  refused({ activations: { gates: 'relu' } }, /gates: is no option here; did you mean gate/)
  refused({ gateClip: -1 }, /gateClip: expected a number above 0, got -1/)
  refused({ cellClip: NaN }, /cellClip: expected a number above 0, got NaN/)
  refused({ peepholes: true }, /did you mean peephole/)
  refused({ projection: 4 }, /projection: expected a whole number from 1 to 3, got 4/)
  const tied = { tokenizer: Tokenizer.bytes(), hidden: 8, projection: 4, tieWeights: true }
  t.throws(() => new LanguageModel(tied), {
    message: /embedding and projection differ \(8 and 4\)/,
  })
  t.throws(() => new LanguageModel({ ...tied, tieWeights: false, projection: 8 }), {
    message: /projection: expected fewer than the 8 units, got 8/,
  })
  const model = { tokenizer: Tokenizer.bytes(), cell: 'gru', coupled: true } as const
  t.throws(() => new LanguageModel(model), { message: /coupled: expected false for the cell gru/ })
  const x = uniform([1, 1, 3], -1, 1)
  const vector = uniform([4], -1, 1)
  const [plain] = new nn.LSTM(sizes).cells()
  t.throws(() => ops.recurrent(x, [{ ...plain!, peepholeInput: vector }], { cell: 'lstm' }), {
    message: /\[lstm\] peephole_i_l0: expected null, the cell has no such parameter/,
  })
})

test('a projection makes h narrower, and c not', (t) => {
  const lstm = new nn.LSTM({ ...sizes, projection: 2, layers: 2, bidirectional: true, bias: false })
  t.is(lstm.cell, 'lstm')
  t.deepEqual([lstm.hidden, lstm.features], [4, 2])
  const shapes = [...lstm.namedParameters()].map(([name, { shape }]) => [name, shape])
  t.deepEqual(shapes.slice(0, 3), [
    ['weight_ih_l0', [16, 3]],
    ['weight_hh_l0', [16, 2]],
    ['weight_hr_l0', [2, 4]],
  ])
  t.deepEqual(lstm.parameter('weight_ih_l1_reverse')?.shape, [16, 4])
  const { output, state } = lstm.forward(uniform([5, 3, 3], -1, 1))
  t.deepEqual(output.shape, [5, 3, 4])
  t.deepEqual(
    [state.h.shape, state.c?.shape],
    [
      [4, 3, 2],
      [4, 3, 4],
    ],
  )
  const next = lstm.forward(uniform([1, 3, 3], -1, 1), { state })
  t.deepEqual(next.output.shape, [1, 3, 4])
  const [cell] = lstm.cells()
  t.throws(
    () =>
      ops.recurrent(uniform([1, 1, 3], -1, 1), [{ ...cell!, weightProjection: null }], {
        cell: 'lstm',
      }),
    {
      code: 'ERR_SHAPE',
    },
  )
})

test('a coupled input gate begins on the other side', async (t) => {
  const lstm = new nn.LSTM({ ...sizes, coupled: true, forgetBias: 2 })
  const values = [...(await lstm.parameter('bias_ih_l0')!.data())]
  t.deepEqual(values.slice(0, 4), [-2, -2, -2, -2])
  t.false(values.slice(4).includes(-2))
})

test('models with such layers train, save and load', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-variant-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const variant = {
    ...{ peephole: ['i', 'o'] as ('i' | 'o')[], coupled: true, cellClip: 2 },
    activations: { candidate: 'relu' } as const,
  }
  const text = 'the cat sat on the mat and looked at the rat. '.repeat(20)
  const tokenizer = Tokenizer.characters(text)
  const lm = new LanguageModel({ tokenizer, hidden: 12, layers: 2, seed: 3, ...variant })
  const { validation } = await lm.fit(text, { validation: text, epochs: 2, batch: 4, steps: 10 })
  t.true(Number.isFinite(validation))
  await lm.save(directory)
  const again = await LanguageModel.load(directory)
  t.deepEqual(await again.evaluate(text), await lm.evaluate(text))
  t.like(again.options, variant)
  const pairs = [
    ['a b c', 'c b a'],
    ['b c', 'c b'],
  ] as [string, string][]
  const words = Tokenizer.spaces(pairs.flat())
  for (const attention of ['additive', 'dot', 'none'] as const) {
    const translator = new Seq2Seq({
      ...{ source: words, target: words, hidden: 8, seed: 1, attention, ...variant },
    })
    await translator.fit(pairs, { epochs: 1 })
    t.is((await translator.translate(['a b'])).length, 1)
    await translator.dispose()
  }
  await lm.dispose()
  await again.dispose()
})

test('other cells have activations and a bound of their sums, too', (t) => {
  const cellOf = (cell: nn.Recurrent) => [
    cell.cell,
    cell.cellOptions?.candidate,
    cell.cellOptions?.gateClip,
  ]
  t.deepEqual(cellOf(new nn.RNN(sizes)), ['rnn_tanh', undefined, undefined])
  t.deepEqual(cellOf(new nn.RNN({ ...sizes, nonlinearity: 'relu' })), [
    'rnn_general',
    'relu',
    Infinity,
  ])
  t.deepEqual(cellOf(new nn.RNN({ ...sizes, gateClip: 2 })), ['rnn_general', 'tanh', 2])
  t.deepEqual(cellOf(new nn.GRU({ ...sizes, activations: {} })), ['gru', undefined, undefined])
  const gru = { ...sizes, activations: { gate: 'hard_sigmoid', candidate: 'relu' } } as const
  t.deepEqual(cellOf(new nn.GRU(gru)), ['gru_general', 'relu', Infinity])
  t.deepEqual(cellOf(new nn.GRU({ ...gru, resetBefore: true })), [
    'gru_reset_before',
    'relu',
    Infinity,
  ])
  const code = 'ERR_ARGUMENT'
  const output = { ...sizes, activations: { output: 'tanh' } } as never
  t.throws(() => new nn.GRU(output), { code, message: /output: is no option here/ })
  t.throws(() => new nn.GRU({ ...sizes, cellClip: 1 } as never), { code, message: /cellClip/ })
  t.throws(() => new nn.GRU({ ...sizes, gateClip: -1 }), { code, message: /gateClip: expected a/ })
  const x = uniform([2, 1, 3], -1, 1)
  for (const layer of [new nn.RNN({ ...sizes, gateClip: 2 }), new nn.GRU(gru)])
    t.deepEqual(layer.forward(x).output.shape, [2, 1, 4])
  const tokenizer = Tokenizer.bytes()
  const model = { tokenizer, cell: 'rnn', hidden: 4, layers: 1, seed: 1 } as const
  const relu = new LanguageModel({ ...model, activations: { candidate: 'relu' }, gateClip: 3 })
  t.is(relu.network.rnn.cell, 'rnn_general')
  t.throws(() => new LanguageModel({ ...model, activations: { gate: 'relu' } }), {
    ...{ code, message: /activations.gate: expected none for the cell rnn/ },
  })
})

test('models with layer norm train, save and load; its parameters begin with 1 and 0', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-norm-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const lstm = new nn.LSTM({ ...sizes, layerNorm: true, peephole: true, init: { normal: 1 } })
  t.deepEqual(names(lstm).slice(-4), ['norm_ih_l0', 'norm_hh_l0', 'norm_c_l0', 'norm_c_bias_l0'])
  for (const [name, first] of [
    ['norm_ih_l0', 1],
    ['norm_c_l0', 1],
    ['norm_c_bias_l0', 0],
  ] as const)
    t.true(
      (await lstm.parameter(name)!.data()).every((x) => x === first),
      name,
    )
  const gru = new nn.GRU({ ...sizes, layerNorm: true })
  t.is(gru.parameter('norm_c_l0'), undefined)
  t.deepEqual(gru.parameter('norm_hh_l0')?.shape, [12])
  const rnn = new nn.RNN({ ...sizes, layerNorm: true })
  t.deepEqual(names(rnn).slice(-2), ['norm_ih_l0', 'norm_hh_l0'])
  t.deepEqual(rnn.parameter('norm_hh_l0')?.shape, [4])
  const code = 'ERR_ARGUMENT'
  const before = { ...sizes, resetBefore: true, layerNorm: true }
  t.throws(() => new nn.GRU(before), {
    code,
    message: /layerNorm: expected false with resetBefore/,
  })
  t.throws(() => new nn.LSTM({ ...sizes, layerNorm: 1 as never }), { code, message: /layerNorm/ })
  const text = 'the cat sat on the mat and looked at the rat. '.repeat(20)
  const tokenizer = Tokenizer.characters(text)
  for (const cell of ['lstm', 'rnn'] as const) {
    const lm = new LanguageModel({
      tokenizer,
      cell,
      hidden: 12,
      layers: 2,
      layerNorm: true,
      seed: 3,
    })
    await lm.fit(text, { validation: text, epochs: 2, batch: 4, steps: 10 })
    await savesAlike(t, lm, text, directory)
  }
  const pairs = [
    ['a b c', 'c b a'],
    ['b c', 'c b'],
  ] as [string, string][]
  const words = Tokenizer.spaces(pairs.flat())
  for (const [cell, attention] of [
    ['lstm', 'additive'],
    ['gru', 'general'],
    ['rnn', 'dot'],
  ] as const) {
    const encoder = { bidirectional: true }
    const translator = new Seq2Seq({
      ...{
        source: words,
        target: words,
        cell,
        attention,
        encoder,
        hidden: 8,
        layerNorm: true,
        seed: 1,
      },
    })
    await translator.fit(pairs, { epochs: 1 })
    t.is((await translator.translate(['a b'], { beam: 2 })).length, 1, cell)
    await translator.dispose()
  }
})

/** What was saved measures as the model does, and generates; both are disposed of. */
async function savesAlike(
  t: ExecutionContext,
  lm: LanguageModel,
  text: string,
  directory: string,
): Promise<void> {
  await lm.save(directory)
  const again = await LanguageModel.load(directory)
  t.deepEqual(await again.evaluate(text), await lm.evaluate(text))
  for await (const piece of again.generate('the ', { length: 3, seed: 1 }))
    t.is(typeof piece, 'string')
  for (const model of [lm, again]) await model.dispose()
}

test('models with projected states train, save and load', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-projection-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const text = 'the cat sat on the mat and looked at the rat. '.repeat(20)
  const tokenizer = Tokenizer.characters(text)
  const sizes = { hidden: 12, projection: 6, embedding: 6, tieWeights: true, layers: 2 }
  const drops = { dropout: 0.2, recurrentDropout: 0.2, weightDrop: 0.2 }
  const lm = new LanguageModel({ tokenizer, ...sizes, ...drops, seed: 3 })
  const { validation } = await lm.fit(text, { validation: text, epochs: 2, batch: 4, steps: 10 })
  t.true(Number.isFinite(validation))
  await savesAlike(t, lm, text, directory)
  const pairs = [
    ['a b c', 'c b a'],
    ['b c', 'c b'],
  ] as [string, string][]
  const words = Tokenizer.spaces(pairs.flat())
  const forms = [
    { attention: 'additive', encoder: { bidirectional: true } },
    { attention: 'additive', inputFeeding: true, tieEmbeddings: 'all', encoder: { hidden: 7 } },
    { attention: 'dot', residual: true, layers: 2 },
    { attention: 'general', inputFeeding: true },
    { attention: 'none', feedSummary: true },
  ] as const
  for (const form of forms) {
    const translator = new Seq2Seq({
      ...{ source: words, target: words, hidden: 8, projection: 5, seed: 1, ...form },
    })
    await translator.fit(pairs, { epochs: 1 })
    t.is((await translator.translate(['a b'], { beam: 2 })).length, 1, form.attention)
    await translator.dispose()
  }
})
