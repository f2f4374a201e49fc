/** Clipping by value, and noise on gradients. */
import test from 'ava'
import { nn, ops, optim, scope } from 'rnnative'
import { fitOptions, largestDifference, makeModel } from '../models/language/support.mjs'
import { temporaryDirectory, text, weightsOf } from '../models/language/support.mjs'

class Toy extends nn.Module {
  readonly a = new nn.Parameter([3])
}

/** A step of SGD on gradients [1, -3, 0.5]. */
async function step(options: optim.StepOptions, scale = 1): Promise<[number, number[]]> {
  using net = new Toy()
  net.a.assign([1, -3, 0.5])
  using optimizer = optim.sgd({ lr: 1 }).bind(net)
  scope(() => ops.mul(ops.sum(ops.square(net.a)), 0.5 * scale).backward())
  const before = [...(await net.a.data())]
  using norm = optimizer.step(options)
  const after = [...(await net.a.data())]
  return [await norm.item(), before.map((x, i) => x - after[i]!)]
}

const close = (a: number, b: number) => Math.abs(a - b) < 1e-5

test('clipValue clips elements, then clipNorm their norm; the norm told is that before', async (t) => {
  const [norm, moved] = await step({ clipValue: 0.8 })
  t.true(close(norm, Math.sqrt(10.25)))
  ;[0.8, -0.8, 0.5].forEach((x, i) => t.true(close(moved[i]!, x)))
  const both = (await step({ clipValue: 0.8, clipNorm: 0.5 }))[1]
  const clipped = Math.hypot(0.8, 0.8, 0.5)
  ;[0.8, -0.8, 0.5].forEach((x, i) => t.true(close(both[i]!, (0.5 * x) / clipped)))
  // A gradient that is not finite still changes nothing.
  const [infinite, still] = await step({ clipValue: 0.8 }, 1e39)
  t.false(Number.isFinite(infinite))
  t.deepEqual(still, [0, 0, 0])
  await t.throwsAsync(step({ clipValue: -1 }), { code: 'ERR_ARGUMENT', message: /clipValue/ })
})

const learn = async (fit: object) => {
  await using model = makeModel({ dropout: 0.2 })
  const before = await weightsOf(model)
  await model.fit(text, { ...fitOptions(), maxSteps: 4, ...fit })
  return { before, after: await weightsOf(model) }
}

test('noise is normal of its variance, whatever clips the gradient', async (t) => {
  const sgd = { optimizer: optim.sgd({ lr: 1 }), maxSteps: 1, clipNorm: 1e-9 }
  const { before, after } = await learn({ ...sgd, gradientNoise: 0.04 })
  const moved = Object.entries(before).flatMap(([name, all]) =>
    all.map((x, i) => x - after[name]![i]!),
  )
  const mean = moved.reduce((sum, x) => sum + x, 0) / moved.length
  const square = moved.reduce((sum, x) => sum + x * x, 0) / moved.length
  t.true(moved.length > 2000 && Math.abs(mean) < 0.02 && Math.abs(square / 0.04 - 1) < 0.1)
  const rest = await learn({ ...sgd, gradientNoise: 0 })
  t.true(largestDifference(rest.before, rest.after) < 1e-6)
})

test('noise is the same in micro-batches, and in a resumed run', async (t) => {
  const fit = { gradientNoise: 0.01, clipValue: 0.1, optimizer: optim.sgd({ lr: 0.1 }) }
  const whole = await learn(fit)
  const parts = await learn({ ...fit, accumulate: 3 })
  t.true(largestDifference(whole.after, parts.after) < 1e-4)
  const checkpoint = temporaryDirectory()
  await learn({ ...fit, checkpoint, maxSteps: 2 })
  t.deepEqual((await learn({ ...fit, checkpoint, resume: true })).after, whole.after)
})
