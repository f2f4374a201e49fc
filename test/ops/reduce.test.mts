import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { download, Draw, ints, reals, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, select, type Op } from '../support/op.mjs'

type Reduce = Parameters<typeof native.reduce>[0]

const reduce = (name: Reduce, x: Host, axis: number): Op => ({
  inputs: { x },
  differentiable: ['x'],
  shapes: { y: x.shape.filter((_, i) => i !== axis) },
  forward({ x: input }) {
    const { y, argmax } = native.reduce(name, input!, axis)
    return {
      outputs: { y },
      extra: [argmax],
      backward: (up, sinks) =>
        native.reduceBackward(
          name,
          x.shape,
          axis,
          argmax,
          up['y']!,
          sinks.list('x'),
          sinks.bits('x'),
        ),
    }
  },
})

const CASES: [number[], number][] = [
  [[1], 0],
  [[17], 0],
  [[3, 100], 1],
  [[100, 3], 0],
  [[5, 17, 3], 1],
  [[5, 1, 3], 1],
  [[3, 17, 100], 2],
  [[2, 0, 5], 2],
]

for (const name of ['sum', 'mean', 'max'] as const)
  test.serial(name, async (t) => {
    for (const [shape, axis] of CASES)
      await checkOp(t, reduce(name, new Draw(7).reals(shape), axis))
    for (const [shape, axis] of [
      [[50_001], 0],
      [[301, 203], 0],
      [[301, 203], 1],
    ] as const)
      await checkOp(t, reduce(name, new Draw(8).reals(shape, 0, 1), axis), { large: true })
  })

test.serial('an empty sum is zero; an empty mean or maximum is refused', async (t) => {
  await checkOp(t, reduce('sum', reals([3, 0], []), 1))
  const x = upload('cpu', reals([3, 0], []))
  for (const name of ['mean', 'max'] as const)
    t.throws(() => native.reduce(name, x, 1), { code: 'ERR_SHAPE' })
  native.dispose(x)
})

test.serial('argmax: the first maximum wins, NaN wins over numbers', async (t) => {
  const x = reals(
    [4, 5],
    [1, 3, 2, 3, 0, 1, NaN, 9, NaN, 9, -Infinity, -Infinity, -1, -1, -2, 4, 4, 4, 4, 4],
  )
  for (const variant of allVariants()) {
    select(variant)
    const input = upload(variant.device, x)
    const { y, argmax } = native.reduce('max', input, 1)
    const [values, positions] = await Promise.all([download(y), native.read(argmax!)])
    t.deepEqual([...values], [3, NaN, -1, 4], describe(variant))
    t.deepEqual([...positions], [1, 1, 2, 0], describe(variant))
    for (const tensor of [input, y, argmax!]) native.dispose(tensor)
  }
})

test.serial('an argmax out of range fails the gradient', async (t) => {
  for (const variant of allVariants()) {
    select(variant)
    const { device } = variant
    const dy = upload(device, reals([2], [1, 2]))
    const argmax = upload(device, ints([2], [1, 3]))
    const dx = upload(device, reals([2, 3], [0, 0, 0, 0, 0, 0]))
    native.reduceBackward('max', [2, 3], 1, argmax, dy, [dx], 0)
    const error = await t.throwsAsync(native.read(dx), { code: 'ERR_INDEX' })
    t.regex(error?.message ?? '', /argmax 3 at position 1: expected 0\.\.2$/)
    for (const tensor of [dy, argmax, dx]) native.dispose(tensor)
  }
})
