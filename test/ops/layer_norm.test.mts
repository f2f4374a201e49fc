import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkGolden, checkOp } from '../support/check.mjs'
import { golden } from '../support/golden.mjs'
import { identical } from '../support/compare.mjs'
import { download, Draw, upload, type Host } from '../support/host.mjs'
import type { Op } from '../support/op.mjs'

const NAMES = ['x', 'gain', 'bias']

const layerNorm = (x: Host, gain: Host | null, bias: Host | null, eps: number): Op => ({
  inputs: { x, gain, bias },
  differentiable: NAMES,
  shapes: { y: x.shape },
  forward({ x, gain, bias }) {
    const { y, saved } = native.layerNorm(x!, gain!, bias!, eps, true)
    return {
      outputs: { y },
      extra: [saved],
      backward: (up, sinks) =>
        native.layerNormBackward(
          x!,
          gain!,
          saved!,
          up['y']!,
          sinks.list(...NAMES),
          sinks.bits(...NAMES),
        ),
    }
  },
})

const GOLDEN = await golden<{ eps: number }>('layer_norm')

test.serial('layerNorm', async (t) => {
  const draw = new Draw(16)
  for (const shape of [
    [1, 3],
    [3, 2, 17],
    [5, 100],
    [0, 5],
    [300, 131],
    [3, 1025],
    [2, 9001],
  ]) {
    const x = draw.reals(shape, -3, 5)
    const n = shape.at(-1) as number
    const large = n > 100
    await checkOp(t, layerNorm(x, draw.reals([n]), draw.reals([n]), 1e-5), { large })
    await checkOp(t, layerNorm(x, null, null, 1e-3), { large })
  }
  // One feature: nothing is left of x, whose gradient is zero.
  await checkOp(t, layerNorm(draw.reals([4, 1]), draw.reals([1]), draw.reals([1]), 1e-5), {
    floor: 1,
  })
  // A mean far above the deviation: the variance must not be taken as a difference of squares. The
  // difference x - mean still loses three digits of f32.
  const far = draw.reals([3, 50], 999, 1001)
  await checkOp(t, layerNorm(far, null, null, 1e-5), { tolerance: 2e-4 })
})

for (const { name, settings, tensors } of GOLDEN)
  test.serial(`PyTorch: ${name}`, async (t) => {
    const { x, gain, bias, dy } = tensors
    if (x?.shape[1] === 1) return t.pass() // exact zeros there, rounding in PyTorch
    await checkGolden(
      t,
      layerNorm(x!, gain ?? null, bias ?? null, settings.eps),
      { y: dy! },
      tensors,
    )
  })

test.serial('inference gives the same and saves nothing', async (t) => {
  const x = upload('cpu', new Draw(2).reals([5, 33]))
  const training = native.layerNorm(x, null, null, 1e-5, true)
  const inference = native.layerNorm(x, null, null, 1e-5, false)
  t.is(inference.saved, null)
  identical(t, { y: await download(inference.y) }, { y: await download(training.y) }, 'cpu')
  for (const tensor of [x, training.y, training.saved!, inference.y]) native.dispose(tensor)
})
