import test from 'ava'
import { nn, ops, RnnativeError, scope, tensor, zeros } from 'rnnative'
import type { Tensor } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'

class Tagger extends nn.Module {
  readonly embedding = new nn.Embedding(7, 4, { seed: 1 })
  readonly layers = [
    new nn.Linear(4, 4, { seed: 2 }),
    new nn.Linear(4, 4, { seed: 3, bias: false }),
  ]
  readonly lstm = new nn.LSTM({ input: 4, hidden: 4, bidirectional: true, seed: 4 })
  readonly output = new nn.Linear(4, 7, { seed: 5 })

  constructor() {
    super()
    this.output.weight.dispose()
    this.output.weight = this.embedding.weight
  }
}

const names = [
  'embedding.weight',
  'layers.0.weight',
  'layers.0.bias',
  'layers.1.weight',
  'lstm.weight_ih_l0',
  'lstm.weight_hh_l0',
  'lstm.bias_ih_l0',
  'lstm.bias_hh_l0',
  'lstm.weight_ih_l0_reverse',
  'lstm.weight_hh_l0_reverse',
  'lstm.bias_ih_l0_reverse',
  'lstm.bias_hh_l0_reverse',
  'output.bias',
]

const host = (shape: readonly number[], value: number): nn.HostTensor => ({
  shape,
  data: new Float32Array(shape.reduce((n, e) => n * e, 1)).fill(value),
})

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]

test.serial('finds parameters by dotted path, tied ones once', (t) => {
  using net = new Tagger()
  t.deepEqual([...net.stateDict().keys()], names)
  t.is(net.parameters().length, names.length)
  t.is(net.parameterCount, 28 + 20 + 16 + 2 * (64 + 64 + 32) + 7)
})

test.serial('train and eval reach every module', (t) => {
  using net = new Tagger()
  t.true(net.training && net.lstm.training)
  net.eval()
  t.false(net.training || net.layers[1]?.training)
  net.train()
  t.true(net.output.training)
})

test.serial('loads a state dict, by tied names too', async (t) => {
  using net = new Tagger()
  const state = new Map([...net.stateDict()].map(([name, p], i) => [name, host(p.shape, i)]))
  state.delete('embedding.weight')
  state.set('output.weight', host([7, 4], 42))
  t.deepEqual(net.loadStateDict(state), { missing: [], unexpected: [] })
  t.is((await values(net.embedding.weight))[3], 42)
  t.is((await values(net.output.bias as Tensor))[0], names.indexOf('output.bias'))
  using other = new Tagger()
  other.loadStateDict(net.stateDict())
  t.is((await values(other.embedding.weight))[0], 42)
})

test.serial('refuses a state dict that does not fit, and changes nothing', async (t) => {
  using net = new Tagger()
  const before = await values(net.embedding.weight)
  const state = new Map<string, nn.HostTensor>([
    ['embedding.weight', host([7, 4], 1)],
    ['layers.0.bias', host([5], 1)],
    ['nonsense', host([1], 1)],
  ])
  const error = t.throws(() => net.loadStateDict(state), { instanceOf: RnnativeError })
  t.is(error.code, 'ERR_FORMAT')
  t.regex(error.message, /layers\.0\.bias: expected \[4\], got \[5\]/)
  t.regex(error.message, /missing: layers\.0\.weight, layers\.1\.weight/)
  t.regex(error.message, /unexpected: nonsense/)
  t.deepEqual(await values(net.embedding.weight), before)
  state.delete('layers.0.bias')
  const report = net.loadStateDict(state, { strict: false })
  t.deepEqual(report.unexpected, ['nonsense'])
  t.is((await values(net.embedding.weight))[0], 1)
})

test.serial('dispose cascades and leaves nothing', async (t) => {
  await collectGarbage()
  const before = await liveStorages()
  const net = new Tagger()
  scope(() => {
    using ids = tensor(new Int32Array([1, 2, 3]), [3, 1])
    ops.sum(net.lstm.forward(net.embedding.forward(ids)).output).backward()
  })
  net.dispose()
  t.is(await liveStorages(), before)
})

test.serial('modules made in a scope outlive it', (t) => {
  const layer = scope(() => new nn.Linear(2, 2))
  t.false(layer.weight.disposed)
  const kept: nn.Linear[] = []
  scope(() => void kept.push(new nn.Linear(2, 2)))
  t.false(kept[0]?.weight.disposed)
  for (const module of [layer, ...kept]) module.dispose()
})

test.serial('recurrent modules: shapes, state carried over, lengths', async (t) => {
  using lstm = new nn.LSTM({ input: 3, hidden: 5, layers: 2, bidirectional: true })
  using x = zeros([4, 2, 3]).fill(0.5)
  const { output, state } = lstm.forward(x, { lengths: [4, 0] })
  t.deepEqual(output.shape, [4, 2, 10])
  t.deepEqual(
    [state.h.shape, state.c?.shape],
    [
      [4, 2, 5],
      [4, 2, 5],
    ],
  )
  const rows = await values(output)
  t.true(rows.filter((_, i) => Math.floor(i / 10) % 2 === 1).every((v) => v === 0))
  using gru = new nn.GRU({ input: 3, hidden: 5, resetBefore: true })
  const whole = gru.forward(x)
  t.is(whole.state.c, undefined)
  using begin = x.slice(0, 3)
  using end = x.slice(3, 1)
  const last = gru.forward(end, { state: gru.forward(begin).state })
  const [a, b] = [await values(whole.state.h), await values(last.state.h)]
  t.true(a.every((v, i) => Math.abs(v - (b[i] as number)) < 1e-6))
})

test.serial('recurrent modules name what does not fit', (t) => {
  using lstm = new nn.LSTM({ input: 3, hidden: 5 })
  const message = '[lstm] weight_ih_l0: expected [20, 4], got [20, 3]'
  t.throws(() => lstm.forward(zeros([1, 1, 4])), { instanceOf: RnnativeError, message })
  t.throws(() => lstm.forward(zeros([1, 3])), { message: /\[time, batch, input\], got \[1, 3\]/ })
  t.throws(() => lstm.forward(zeros([1, 1, 3]), { lengths: [1, 1] }), {
    message: /\[lstm\] lengths/,
  })
  t.throws(() => lstm.forward(zeros([1, 1, 3]), { state: { h: zeros([1, 1, 5]) } }), {
    message: /state/,
  })
  t.throws(() => new nn.LSTM({ input: 0, hidden: 5 }), { message: /\[lstm\] input/ })
  t.throws(() => new nn.Dropout(1), { message: /\[0, 1\)/ })
})

test.serial('layer norm, dropout in eval mode, padding', async (t) => {
  using norm = new nn.LayerNorm(4)
  using x = tensor([[1, 2, 3, 4]])
  const y = await values(norm.forward(x))
  t.true(Math.abs(y.reduce((sum, v) => sum + v, 0)) < 1e-5)
  using drop = new nn.Dropout(0.5).eval()
  t.deepEqual(await values(drop.forward(x)), [1, 2, 3, 4])
  using table = new nn.Embedding(3, 2, { paddingIndex: 1 })
  t.deepEqual((await values(table.weight)).slice(2, 4), [0, 0])
})
