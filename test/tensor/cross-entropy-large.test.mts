import test from 'ava'
import { ops, randn, scope, tensor, type Tensor } from 'rnnative'

// Above 256 MB of logits backward computes them again; below, it reads what forward kept.
const [ROWS, CLASSES, FEATURES] = [8208, 8192, 2]

test('logits computed again give the gradients that kept ones give', async (t) => {
  using x = randn([ROWS, FEATURES], { seed: 1 })
  using weight = randn([CLASSES, FEATURES], { seed: 2, requiresGrad: true })
  const targets = Int32Array.from({ length: ROWS }, (_, i) => (i * 7919) % CLASSES)
  const learn = (first: number, rows: number) =>
    scope(() => {
      const wanted = tensor(targets.slice(first, first + rows), [rows])
      const part = x.slice(first, rows)
      const { losses } = ops.crossEntropyLosses(part, wanted, { weight, labelSmoothing: 0.1 })
      ops.sum(losses).backward()
    })
  const gradient = async () => Float64Array.from(await (weight.grad as Tensor).data())

  learn(0, ROWS)
  const again = await gradient()
  weight.zeroGrad()
  learn(0, ROWS / 2)
  learn(ROWS / 2, ROWS / 2)
  const kept = await gradient()
  const scale = kept.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const worst = kept.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (again[i] as number))),
    0,
  )
  t.true(scale > 1e-3 && worst / scale < 1e-5, `${worst} of ${scale}`)
})
