import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp } from '../support/check.mjs'
import { golden } from '../support/golden.mjs'
import { Draw, reals, type Host } from '../support/host.mjs'
import { allVariants, evaluate, type Op } from '../support/op.mjs'

const softmax = (x: Host, log: boolean): Op => ({
  inputs: { x },
  differentiable: ['x'],
  shapes: { y: x.shape },
  forward({ x }) {
    const y = native.softmax(x!, log)
    return {
      outputs: { y },
      backward: (up, sinks) =>
        native.softmaxBackward(y, up['y']!, log, sinks.list('x'), sinks.bits('x')),
    }
  },
})

const GOLDEN = await golden<{ log: boolean }>('softmax')

for (const log of [false, true])
  test.serial(log ? 'log-softmax' : 'softmax', async (t) => {
    const draw = new Draw(17)
    for (const shape of [[3], [1, 17], [3, 2, 100], [7, 3], [0, 5]])
      await checkOp(t, softmax(draw.reals(shape, -4, 4), log))
    for (const shape of [
      [200, 260],
      [3, 1025],
      [2, 9001],
    ])
      await checkOp(t, softmax(draw.reals(shape, -4, 4), log), { large: true })
    await checkOp(t, softmax(draw.reals([3, 1]), log), { floor: 1 })
  })

for (const { name, settings, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    await checkGolden(t, softmax(tensors['x']!, settings.log), { y: tensors['dy']! }, tensors)
  })

test.serial('large logits do not overflow; -Infinity has no probability', async (t) => {
  const x = reals([2, 3], [1000, 1000, -1000, -Infinity, 0, 0])
  for (const variant of allVariants()) {
    const { y } = await evaluate(softmax(x, false), variant)
    t.deepEqual(
      [...(y ?? [])].map((value) => Math.fround(value)),
      [0.5, 0.5, 0, 0, 0.5, 0.5],
    )
    const { y: log } = await evaluate(softmax(x, true), variant)
    t.true(Math.abs((log?.[2] ?? 0) + 2000 + Math.LN2) < 1e-3)
    t.is(log?.[3], -Infinity)
  }
})
