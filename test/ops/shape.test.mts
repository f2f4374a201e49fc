import test from 'ava'
import { native } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { download, Draw, ints, reals, size, upload, type Host } from '../support/host.mjs'
import { allVariants, DEVICES, evaluate, type Op } from '../support/op.mjs'

const permute = (x: Host, axes: number[]): Op => {
  const inverse = axes.map((_, i) => axes.indexOf(i))
  return {
    inputs: { x },
    differentiable: ['x'],
    shapes: { y: axes.map((axis) => x.shape[axis] as number) },
    forward: ({ x }) => ({
      outputs: { y: native.permute(x!, axes, null, false) },
      backward: (up, sinks) => {
        const [dx] = sinks.list('x')
        native.permute(up['y']!, inverse, dx!, sinks.bits('x') === 1)
      },
    }),
  }
}

const slice = (x: Host, axis: number, begin: number, length: number): Op => ({
  inputs: { x },
  differentiable: ['x'],
  shapes: { y: x.shape.map((extent, i) => (i === axis ? length : extent)) },
  forward: ({ x }) => ({
    outputs: { y: native.slice(x!, axis, begin, length) },
    backward: (up, sinks) => {
      const [dx] = sinks.list('x')
      native.sliceBackward(up['y']!, axis, begin, dx!, sinks.bits('x') === 1)
    },
  }),
})

const maskTime = (x: Host, lengths: Host): Op => ({
  inputs: { x, lengths },
  differentiable: ['x'],
  shapes: { y: x.shape },
  forward: ({ x, lengths }) => ({
    outputs: { y: native.maskTime(x!, lengths!, null, false) },
    backward: (up, sinks) => {
      const [dx] = sinks.list('x')
      native.maskTime(up['y']!, lengths!, dx!, sinks.bits('x') === 1)
    },
  }),
})

const draw = new Draw(9)

test.serial('permute', async (t) => {
  for (const [shape, axes] of [
    [[17], [0]],
    [
      [3, 17],
      [1, 0],
    ],
    [
      [100, 17],
      [1, 0],
    ],
    [
      [2, 3, 5],
      [1, 0, 2],
    ],
    [
      [2, 3, 5],
      [2, 0, 1],
    ],
    [
      [2, 1, 3, 7],
      [3, 1, 0, 2],
    ],
    [
      [0, 3],
      [1, 0],
    ],
    [
      [260, 259],
      [1, 0],
    ],
    [
      [5, 33, 70],
      [2, 0, 1],
    ],
  ])
    await checkOp(t, permute(draw.reals(shape!), axes!), { large: size(shape!) > 10_000 })
})

test.serial('slice', async (t) => {
  await checkOp(t, slice(draw.reals([17]), 0, 3, 5))
  await checkOp(t, slice(draw.reals([5, 17]), 1, 16, 1))
  await checkOp(t, slice(draw.reals([5, 17, 3]), 1, 0, 17))
  await checkOp(t, slice(draw.reals([5, 17, 3]), 0, 2, 2))
  await checkOp(t, slice(draw.reals([5, 17, 3]), 2, 1, 2))
  await checkOp(t, slice(draw.reals([5, 3]), 0, 2, 0))
})

test.serial('concat', async (t) => {
  for (const device of DEVICES) {
    const x = upload(device, reals([2, 2], [1, 2, 3, 4]))
    const y = upload(device, reals([2, 1], [5, 6]))
    const z = upload(device, reals([2, 0], []))
    const across = native.concat([x, y, z, x], 1)
    const down = native.concat([x, x], 0)
    t.deepEqual([...(await download(across))], [1, 2, 5, 1, 2, 3, 4, 6, 3, 4])
    t.deepEqual([...(await download(down))], [1, 2, 3, 4, 1, 2, 3, 4])
    for (const tensor of [x, y, z, across, down]) native.dispose(tensor)
  }
})

test.serial('permute, slice and concat move integers too', async (t) => {
  for (const device of DEVICES) {
    const x = upload(device, ints([2, 3], [1, 2, 3, 4, 5, 6]))
    const results = [
      native.permute(x, [1, 0], null, false),
      native.slice(x, 1, 1, 2),
      native.concat([x, x], 1),
    ]
    const values = await Promise.all(results.map((tensor) => native.read(tensor)))
    t.deepEqual(
      values.map((value) => [...value]),
      [
        [1, 4, 2, 5, 3, 6],
        [2, 3, 5, 6],
        [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6],
      ],
    )
    for (const tensor of [x, ...results]) native.dispose(tensor)
  }
})

test.serial('maskTime', async (t) => {
  await checkOp(t, maskTime(draw.reals([5, 3, 7]), ints([3], [5, 0, 2])))
  await checkOp(t, maskTime(draw.reals([4, 1, 17]), ints([1], [3])))
  await checkOp(t, maskTime(draw.reals([3, 2]), ints([2], [1, 3])))
  await checkOp(t, maskTime(draw.reals([0, 2, 3]), ints([2], [0, 0])))
  await checkOp(t, maskTime(draw.reals([40, 17, 50]), new Draw(2).ints([17], 41)), { large: true })
})

test.serial('maskTime does not read padding', async (t) => {
  const x = reals([2, 2, 1], [1, 2, NaN, 4])
  const lengths = ints([2], [1, 2])
  for (const variant of allVariants()) {
    const { y } = await evaluate(maskTime(x, lengths), variant)
    t.deepEqual([...(y ?? [])], [1, 2, 0, 4])
  }
})

test.serial('a length beyond the steps fails the result', async (t) => {
  for (const device of DEVICES)
    for (const bad of [4, -1]) {
      const x = upload(device, draw.reals([3, 2, 2]))
      const lengths = upload(device, ints([2], [1, bad]))
      const y = native.maskTime(x, lengths, null, false)
      const error = await t.throwsAsync(native.read(y), { code: 'ERR_INDEX' })
      t.is(error?.message, `[mask_time] length ${bad} at position 1: expected 0..3`)
      for (const tensor of [x, lengths, y]) native.dispose(tensor)
    }
})
