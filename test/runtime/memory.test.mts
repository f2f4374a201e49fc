import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'

const MiB = 2 ** 20
const cpu = () => native.memory().devices.cpu

test.serial('tensors and bytes are counted, and come back when all is disposed', async (t) => {
  await native.synchronize()
  const before = cpu()
  const x = native.empty('cpu', 'f32', [MiB])
  t.is(cpu().tensors, before.tensors + 1)
  t.is(cpu().bytes, before.bytes) // memory is taken by the first op that writes
  native.fill(x, 1)
  await native.synchronize()
  t.is(cpu().bytes, before.bytes + 4 * MiB)
  const half = native.view(x, 0, [MiB / 2])
  t.is(cpu().tensors, before.tensors + 1)
  native.dispose(x)
  t.is(cpu().bytes, before.bytes + 4 * MiB) // the view holds it
  native.dispose(half)
  t.is(cpu().tensors, before.tensors)
  t.is(cpu().bytes, before.bytes)
  t.true(cpu().peakBytes >= before.bytes + 4 * MiB)
})

test.serial(
  'an allocation over the limit fails its op, names the bytes and harms nothing else',
  async (t) => {
    const small = native.full('cpu', 'f32', [4], 3)
    await native.synchronize()
    const limit = native.memory().limit
    t.teardown(() => native.setMemoryLimit(0))
    native.setMemoryLimit(64 * MiB)
    t.is(native.memory().limit, 64 * MiB)

    const message = /^\[full\] out of memory: needs 134217728 bytes; \d+ of the limit of 67108864/
    const large = native.full('cpu', 'f32', [32 * MiB], 1)
    await t.throwsAsync(native.read(large), { code: 'ERR_OUT_OF_MEMORY', message })
    t.throws(() => native.fromData('cpu', 'f32', [32 * MiB], new Float32Array(32 * MiB)), {
      code: 'ERR_OUT_OF_MEMORY',
      message: /^\[from_data\] out of memory: needs 134217728 bytes/,
    })
    t.deepEqual([...(await native.read(native.unary('neg', small, 0, 0)))], [-3, -3, -3, -3])
    // Freed memory counts against the limit no longer.
    for (let i = 0; i < 8; ++i) native.dispose(native.full('cpu', 'f32', [8 * MiB], i))
    await t.notThrowsAsync(native.synchronize())

    native.setMemoryLimit(0)
    t.true(native.memory().limit > limit / 2)
  },
)

test.serial(
  'packed weights follow their version, are counted, kept for a second use, and go with the weight',
  async (t) => {
    await native.synchronize()
    const before = cpu().bytes
    const x = native.full('cpu', 'f32', [32, 128], 1)
    const arena = native.full('cpu', 'f32', [2 * 128 * 128], 0.5)
    const weights = [0, 1].map((i) => native.view(arena, i * 128 * 128, [128, 128]))
    const product = async (weight: NativeTensor) => {
      const y = native.linear(x, weight, null)
      const values = new Set(await native.read(y))
      native.dispose(y)
      return [...values]
    }
    t.deepEqual(await product(weights[0]!), [64])
    t.is(cpu().bytes, before + 4 * (32 * 128 + 2 * 128 * 128)) // perhaps never used again
    t.deepEqual(await product(weights[0]!), [64])
    const packed = cpu().bytes - before - 4 * (32 * 128 + 2 * 128 * 128)
    t.true(packed >= 4 * 128 * 128, `${packed} bytes of packed weights`)
    const held = cpu().bytes
    t.deepEqual(await product(weights[0]!), [64])
    native.fill(weights[0]!, 0.25)
    t.deepEqual(await product(weights[0]!), [32])
    t.is(cpu().bytes, held) // one version at a time
    native.fill(weights[0]!, 0.125)
    t.deepEqual(await product(weights[0]!), [16])
    t.is(cpu().bytes, held - packed) // of the one before there was one use only
    t.deepEqual(await product(weights[0]!), [16])
    t.is(cpu().bytes, held)
    t.deepEqual(await product(weights[1]!), [64])
    for (const tensor of [x, arena, ...weights]) native.dispose(tensor)
    await native.synchronize()
    t.is(cpu().bytes, before)
  },
)

test.serial('sizes that no machine has are errors, not crashes', async (t) => {
  const huge = native.empty('cpu', 'f32', [2 ** 40])
  await t.throwsAsync(native.read(huge), { code: 'ERR_UNINITIALIZED' })
  native.fill(huge, 1)
  await t.throwsAsync(native.synchronize(), { code: 'ERR_OUT_OF_MEMORY' })
  const full = native.full('cpu', 'f32', [2 ** 40], 1)
  const message = /^\[full\] out of memory: needs 4398046511104 bytes/
  await t.throwsAsync(native.read(full), { code: 'ERR_OUT_OF_MEMORY', message })
  const shape = (dims: unknown) => () => native.empty('cpu', 'f32', dims as number[])
  const refused: [unknown, RegExp][] = [
    [[2 ** 40, 2], /at most 2\^40 elements/],
    [[2 ** 40, 2 ** 40, 0], /at most 2\^40 elements/],
    [[2 ** 60], /integers >= 0/],
    [[-1], /integers >= 0, got -1/],
    [[1.5], /integers >= 0, got 1.5/],
    [[NaN], /integers >= 0/],
    [['2'], /integers >= 0, got '2'/],
    [[1, 1, 1, 1, 1, 1, 1, 1, 1], /at most 8 dimensions, got 9/],
    [3, /an array of extents, got 3/],
  ]
  for (const [dims, message] of refused) t.throws(shape(dims), { code: 'ERR_SHAPE', message })
})

test.serial('data of the wrong length or type is refused', (t) => {
  const data = (dtype: 'f32' | 'i32', array: unknown) => () =>
    native.fromData('cpu', dtype, [2], array as Float32Array)
  t.throws(data('f32', new Float32Array(3)), { code: 'ERR_SHAPE', message: /expected 2 elements/ })
  t.throws(data('f32', Int32Array.of(1, 2)), { code: 'ERR_DTYPE' })
  t.throws(data('i32', Float32Array.of(1, 2)), { code: 'ERR_DTYPE' })
  t.throws(data('f32', [1, 2]), { code: 'ERR_ARGUMENT' })
  t.throws(() => native.fromData('cpu', 'f64', [1], new Float64Array(1)), { code: 'ERR_DTYPE' })
  const detached = new Float32Array(2)
  structuredClone(detached, { transfer: [detached.buffer] })
  t.throws(data('f32', detached), { code: 'ERR_SHAPE', message: /got 0/ })
})

test.serial(
  'create and dispose in a synchronous loop, and steps of work, keep memory flat',
  async (t) => {
    const create = () => {
      for (let i = 0; i < 10_000; ++i) native.dispose(native.full('cpu', 'f32', [64, 64], i))
    }
    const step = async () => {
      const xs = Array.from({ length: 20 }, (_, i) =>
        native.full('cpu', 'f32', [(i + 1) * 10_000], i),
      )
      const last = native.binary('add', xs[19]!, xs[19]!)
      const first = native.view(last, 0, [1])
      await native.read(first)
      for (const x of [...xs, last, first]) native.dispose(x)
    }
    create()
    for (let i = 0; i < 50; ++i) await step()
    await native.synchronize()
    const tensors = cpu().tensors
    const before = process.memoryUsage().rss
    create()
    for (let i = 0; i < 300; ++i) await step()
    await native.synchronize()
    const growth = process.memoryUsage().rss - before
    t.true(cpu().tensors <= tensors)
    t.true(growth < 12 * MiB, `resident memory grew by ${(growth / MiB).toFixed(1)} MiB`)
  },
)
