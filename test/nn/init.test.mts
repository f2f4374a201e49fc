import test from 'ava'
import { nn, zeros } from 'rnnative'
import type { Tensor } from 'rnnative'

const { init } = nn
const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]
const mean = (xs: number[]): number => xs.reduce((sum, x) => sum + x, 0) / xs.length
const deviation = (xs: number[]): number => {
  const center = mean(xs)
  return Math.sqrt(mean(xs.map((x) => (x - center) ** 2)))
}
const stream = { seed: 1, name: 'w' }

test('uniform and normal have their moments', async (t) => {
  using x = zeros([200, 200])
  init.uniform(x, -1, 3, stream)
  let drawn = await values(x)
  t.true(Math.abs(mean(drawn) - 1) < 0.03)
  t.true(Math.abs(deviation(drawn) - 4 / Math.sqrt(12)) < 0.03)
  init.normal(x, 2, 0.5, stream)
  drawn = await values(x)
  t.true(Math.abs(mean(drawn) - 2) < 0.02)
  t.true(Math.abs(deviation(drawn) - 0.5) < 0.02)
})

test('Xavier scales by fan-in and fan-out', async (t) => {
  using x = zeros([100, 300])
  const expected = Math.sqrt(2 / 400)
  init.xavierUniform(x, stream)
  const uniform = await values(x)
  t.true(Math.abs(deviation(uniform) - expected) < 0.02 * expected)
  t.true(Math.max(...uniform.map(Math.abs)) <= Math.sqrt(6 / 400))
  init.xavierNormal(x, stream, 2)
  t.true(Math.abs(deviation(await values(x)) - 2 * expected) < 0.04 * expected)
  t.throws(() => init.xavierUniform(zeros([3]), stream), { message: /\[out, in, ...\]/ })
})

test('orthogonal matrices are, per block', async (t) => {
  for (const [rows, columns] of [
    [6, 6],
    [4, 9],
    [9, 4],
  ] as const) {
    using x = zeros([2 * rows, columns], { device: 'reference' })
    init.orthogonal(x, stream, { blocks: 2, gain: 3 })
    const all = await values(x)
    t.notDeepEqual(all.slice(0, rows * columns), all.slice(rows * columns))
    for (const block of [all.slice(0, rows * columns), all.slice(rows * columns)]) {
      const vector = (i: number): number[] =>
        rows <= columns
          ? block.slice(i * columns, (i + 1) * columns)
          : block.filter((_, k) => k % columns === i)
      const few = Math.min(rows, columns)
      for (let i = 0; i < few; ++i)
        for (let j = 0; j < few; ++j) {
          const dot = vector(i).reduce((sum, v, k) => sum + v * (vector(j)[k] as number), 0)
          t.true(Math.abs(dot - (i === j ? 9 : 0)) < 1e-9)
        }
    }
  }
})

test('a seed and a path decide, wherever the module sits', async (t) => {
  using a = new nn.LSTM({ input: 3, hidden: 4, seed: 5 })
  using b = new nn.LSTM({ input: 3, hidden: 4, seed: 5 })
  using c = new nn.LSTM({ input: 3, hidden: 4, seed: 6 })
  const weight = (m: nn.LSTM): Promise<number[]> => values(m.parameter('weight_hh_l0') as Tensor)
  t.deepEqual(await weight(a), await weight(b))
  t.notDeepEqual(await weight(a), await weight(c))
  t.true((await weight(a)).every((v) => Math.abs(v) <= 0.5))
  t.deepEqual(await weight(c.reset(5)), await weight(a))
})

test('the forget bias is the sum of the two', async (t) => {
  using lstm = new nn.LSTM({ input: 3, hidden: 2, forgetBias: 1.5 })
  const bias = await values(lstm.parameter('bias_ih_l0') as Tensor)
  const other = await values(lstm.parameter('bias_hh_l0') as Tensor)
  t.deepEqual(bias.slice(2, 4), [1.5, 1.5])
  t.deepEqual(other.slice(2, 4), [0, 0])
  t.true([...bias.slice(0, 2), ...other.slice(4)].every((v) => v !== 0 && Math.abs(v) < 1))
})

test('layers start as their option says; the usual way stays as it was', async (t) => {
  const of = (module: nn.Module, name: string): Promise<number[]> =>
    values(module.stateDict().get(name) as Tensor)
  using usual = new nn.Linear(30, 20, { seed: 1 })
  using same = new nn.Linear(30, 20, { seed: 1, init: { uniform: 1 / Math.sqrt(30) } })
  t.deepEqual(await of(usual, 'weight'), await of(same, 'weight'))
  using narrow = new nn.LSTM({ input: 20, hidden: 30, seed: 1, init: { uniform: 0.1 } })
  for (const name of narrow.stateDict().keys()) {
    const most = Math.max(...(await of(narrow, name)).map(Math.abs))
    t.true(most <= 0.1 && most > 0.08, name)
  }
  using table = new nn.Embedding(200, 50, { seed: 1, init: { normal: 0.02 }, paddingIndex: 3 })
  const rows = await of(table, 'weight')
  t.true(Math.abs(deviation(rows) - 0.02) < 0.001)
  t.true(rows.slice(150, 200).every((x) => x === 0))

  using gru = new nn.GRU({ input: 4, hidden: 6, seed: 1, init: 'orthogonal' })
  const weight = await of(gru, 'weight_hh_l0')
  for (let gate = 0; gate < 3; ++gate)
    for (let i = 0; i < 6; ++i)
      for (let j = 0; j <= i; ++j) {
        const row = (k: number): number[] =>
          weight.slice((gate * 6 + k) * 6, (gate * 6 + k + 1) * 6)
        const dot = row(i).reduce((sum, x, k) => sum + x * (row(j)[k] as number), 0)
        t.true(Math.abs(dot - (i === j ? 1 : 0)) < 1e-5)
      }
  t.true((await of(gru, 'bias_ih_l0')).every((x) => x === 0))

  using decoder = new nn.AttentionDecoder({
    ...({ cell: 'lstm', input: 3, hidden: 4, memory: 5, attention: 'additive' } as const),
    ...({ feeding: 'output', seed: 1, init: { xavier: 0.5 }, forgetBias: 1 } as const),
  })
  t.true((await of(decoder, 'bias_out')).every((x) => x === 0))
  t.deepEqual((await of(decoder, 'bias_ih_l0')).slice(4, 8), [1, 1, 1, 1])
  const v = await of(decoder, 'attention.v')
  t.true(v.every((x) => Math.abs(x) <= 0.5 * Math.sqrt(6 / 5)))
})

test('reset takes a way to start for all layers but those that have their own', async (t) => {
  class Two extends nn.Module {
    readonly a = new nn.Linear(3, 4)
    readonly b = new nn.Linear(3, 4, { init: { uniform: 0.001 } })
    readonly norm = new nn.LayerNorm(4)
  }
  using two = new Two().reset(5, { uniform: 7 })
  const most = async (x: Tensor): Promise<number> => Math.max(...(await values(x)).map(Math.abs))
  t.true((await most(two.a.weight)) > 1)
  t.true((await most(two.b.weight)) <= 0.001)
  t.deepEqual(await values(two.norm.weight), [1, 1, 1, 1])
})

test('what is no way to start is refused', (t) => {
  for (const bad of ['uniform', {}, { uniform: -1 }, { uniform: NaN }, { normal: 1, xavier: 1 }, 3])
    t.throws(() => new nn.Linear(2, 2, { init: bad as { uniform: number } }), {
      code: 'ERR_ARGUMENT',
      message: /^\[linear\] init: expected \{ uniform \}/,
    })
})
