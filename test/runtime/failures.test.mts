import test, { type ExecutionContext } from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'

// On the reference backend: what fails, and what does not, is the engine's business on every device.
const tensor = (values: number[]) =>
  native.fromData('reference', 'f64', [values.length], Float64Array.from(values))

const values = async (x: NativeTensor) => [...(await native.read(x))]

/** A vector whose op fails when it runs: the id is out of range. */
function failing(length = 2): NativeTensor {
  const table = native.full('reference', 'f64', [3, length], 1)
  const y = native.embedding(native.fromData('reference', 'i32', [1], Int32Array.of(7)), table)
  return native.view(y, 0, [length])
}

const index = { code: 'ERR_INDEX', message: /^\[embedding\]/ }

async function nothingUnread(t: ExecutionContext) {
  await t.notThrowsAsync(native.synchronize())
}

test.serial(
  'a failed op fails its outputs and all that depends on them, with the first error',
  async (t) => {
    const bad = failing()
    const sum = native.binary('add', bad, tensor([1, 2]))
    const later = native.unary('exp', sum, 0, 0)
    const apart = native.unary('neg', tensor([1, 2]), 0, 0)
    await t.throwsAsync(native.read(later), index)
    await t.throwsAsync(native.read(sum), index)
    await t.throwsAsync(native.read(bad), index)
    t.deepEqual(await values(apart), [-1, -2])
    await nothingUnread(t)
  },
)

test.serial('an unread failure surfaces at the next synchronize, once', async (t) => {
  native.unary('neg', failing(), 0, 0)
  failing()
  await t.throwsAsync(native.synchronize(), index)
  await nothingUnread(t)
})

test.serial('a failure is of a range: overwriting it heals it, its neighbours stay', async (t) => {
  const arena = native.full('reference', 'f64', [6], 0)
  const parts = [0, 2, 4].map((offset) => native.view(arena, offset, [2]))
  native.accumulate(parts[1]!, failing())
  await t.throwsAsync(native.read(arena), index)
  await t.throwsAsync(native.read(native.view(arena, 1, [2])), index)
  t.deepEqual(await values(parts[0]!), [0, 0])
  t.deepEqual(await values(parts[2]!), [0, 0])

  native.fill(native.view(arena, 2, [1]), 5) // half of it
  await t.throwsAsync(native.read(parts[1]!), index)
  native.fill(native.view(arena, 3, [1]), 6)
  t.deepEqual(await values(arena), [0, 0, 5, 6, 0, 0])
  await nothingUnread(t)
})

test.serial(
  'in-place copies and updates leave their targets alone when an input has failed',
  async (t) => {
    const y = tensor([1, 2])
    native.copyInto(y, failing())
    t.deepEqual(await values(y), [1, 2])

    const parameter = tensor([3, 4])
    const momentum = tensor([0, 0])
    const options = {
    kind: 'sgd', clipNorm: 0, lr: 1, weightDecay: 0, momentum: 0.9, dampening: 0, beta1: 0.9,
    beta2: 0.999, eps: 1e-8, alpha: 0.99, lrDecay: 0, nesterov: false, centered: false, step: 1,
  } as const // prettier-ignore
    native.optimizerStep(options, parameter, failing(), [momentum], null, null)
    t.deepEqual(await values(parameter), [3, 4])
    t.deepEqual(await values(momentum), [0, 0])
    await t.throwsAsync(native.synchronize(), index)

    native.optimizerStep(options, parameter, tensor([1, 1]), [momentum], null, null)
    t.deepEqual(await values(parameter), [2, 3])
    await nothingUnread(t)
  },
)

test.serial('accumulating a failed tensor fails the sum', async (t) => {
  const y = tensor([1, 2])
  native.accumulate(y, failing())
  await t.throwsAsync(native.read(y), index)
  native.fill(y, 0)
  t.deepEqual(await values(y), [0, 0])
  await nothingUnread(t)
})

test.serial('what no op has written cannot be read', async (t) => {
  const x = native.empty('reference', 'f64', [4])
  const unwritten = { code: 'ERR_UNINITIALIZED', message: /expected .* written, got/ }
  await t.throwsAsync(native.read(x), unwritten)
  native.fill(native.view(x, 0, [3]), 1)
  await t.throwsAsync(native.read(x), unwritten)
  native.unary('neg', x, 0, 0)
  await t.throwsAsync(native.synchronize(), { ...unwritten, message: /^\[unary\]|^\[neg\]/ })
  native.fill(native.view(x, 3, [1]), 2)
  t.deepEqual(await values(x), [1, 1, 1, 2])
  t.deepEqual(await values(native.empty('reference', 'f64', [0, 3])), [])
  await nothingUnread(t)
})

test.serial('outputs that overlap an argument are refused at the call', async (t) => {
  const x = tensor([1, 2, 3])
  const overlapping = { code: 'ERR_ARGUMENT', message: /overlaps/ }
  t.throws(() => native.accumulate(x, x), overlapping)
  t.throws(() => native.copyInto(native.view(x, 0, [2]), native.view(x, 1, [2])), overlapping)
  native.copyInto(native.view(x, 0, [1]), native.view(x, 2, [1]))
  native.accumulate(native.view(x, 1, [0]), native.view(x, 2, [0]))
  t.deepEqual(await values(x), [3, 2, 3])
})

test.serial('versions belong to ranges and advance at the call', (t) => {
  const arena = native.full('reference', 'f64', [4], 0)
  const [a, b] = [native.view(arena, 0, [2]), native.view(arena, 2, [2])]
  const before = [native.version(a), native.version(b), native.version(arena)]
  native.fill(a, 1)
  t.not(native.version(a), before[0])
  t.is(native.version(b), before[1])
  t.not(native.version(arena), before[2])
  t.is(native.version(native.view(arena, 1, [2])), native.version(a))
})
