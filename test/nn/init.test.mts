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
