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
  for (const penalty of [nn.penalties.activation, nn.penalties.temporal, nn.penalties.confidence]) {
    t.throws(() => penalty(randn([3], { seed: 1 })), { code: 'ERR_ARGUMENT', message: /two axes/ })
    t.throws(() => penalty(x, { length: [1] } as object), { message: /did you mean lengths/ })
  }
})
