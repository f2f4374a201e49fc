import test from 'ava'
import { nn, randn, tensor, type Tensor } from 'rnnative'
import { golden } from '../support/golden.mjs'
import { DEVICES } from '../support/op.mjs'

const read = async (x: Tensor | null) => Array.from((await x?.data()) ?? [])

for (const { name, settings, tensors } of await golden<{ name: keyof typeof nn.penalties }>(
  'penalties',
))
  for (const device of DEVICES)
    test(`PyTorch, ${name}, ${device}`, async (t) => {
      const { x: given, lengths, y, grad_x } = tensors
      const x = tensor(given!.data, given!.shape, { device })
      x.requiresGrad = true
      const ends = lengths && tensor(Int32Array.from(lengths.data), [3], { device })
      const made = nn.penalties[settings.name](x, { lengths: ends })
      made.backward()
      const tolerance = device === 'reference' ? 1e-12 : 1e-5
      const near = (actual: readonly number[], expected: ArrayLike<number>) => {
        t.is(actual.length, expected.length)
        for (const [i, value] of actual.entries())
          t.true(Math.abs(value - expected[i]!) <= tolerance * Math.max(1, Math.abs(expected[i]!)))
      }
      near(await read(made), y!.data)
      near(await read(x.grad), grad_x!.data)
    })

test('penalties of one step, and what is refused', async (t) => {
  const x = randn([1, 2, 3], { seed: 1, requiresGrad: true })
  const none = nn.penalties.temporal(x)
  none.backward()
  t.deepEqual([await none.item(), await read(x.grad)], [0, [0, 0, 0, 0, 0, 0]])
  const { activation, temporal, confidence, coverage } = nn.penalties
  for (const penalty of [activation, temporal, confidence, coverage]) {
    t.throws(() => penalty(randn([3], { seed: 1 })), { code: 'ERR_ARGUMENT', message: /two axes/ })
    t.throws(() => penalty(x, { length: [1] } as object), { message: /did you mean lengths/ })
  }
})

for (const device of DEVICES)
  test(`coverage: the lesser of attention and of what was there before, ${device}`, async (t) => {
    // Two rows of three steps, the second of which has two.
    const rows = [[[0.2, 0.8], [0.5, 0.5]], [[0.6, 0.4], [1, 0]], [[0.1, 0.9], [0, 1]]] // prettier-ignore
    const x = tensor(rows, undefined, { device, requiresGrad: true })
    const made = nn.penalties.coverage(x, { lengths: [3, 2] })
    made.backward()
    const expected = 0.2 + 0.4 + 0.1 + 0.9 + 0.5
    t.true(Math.abs((await made.item()) - expected) < 1e-6)
    t.deepEqual(await read(x.grad), [1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0])
  })
