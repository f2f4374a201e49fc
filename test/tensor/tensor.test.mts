import test from 'ava'
import { inspect } from 'node:util'
import { full, ones, ops, randn, RnnativeError, tensor, Tensor, uniform, zeros } from 'rnnative'

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]

test('takes typed arrays and nested numbers', async (t) => {
  using a = tensor(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3])
  t.deepEqual([a.shape, a.dtype, a.device, a.size, a.dims], [[2, 3], 'f32', 'cpu', 6, 2])
  t.true((await a.data()) instanceof Float32Array)
  using b = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  t.deepEqual(b.shape, [3, 2])
  t.deepEqual(await values(b), [1, 2, 3, 4, 5, 6])
  using ids = tensor(new Int32Array([7, 8]))
  t.is(ids.dtype, 'i32')
  using scalar = tensor(3)
  t.deepEqual(scalar.shape, [])
  t.is(await scalar.item(), 3)
  using exact = tensor([0.1], undefined, { device: 'reference' })
  t.is(exact.dtype, 'f64')
  t.is(await exact.item(), 0.1)
})

test('copies its data at the call', async (t) => {
  const data = new Float32Array([1, 2])
  using x = tensor(data)
  data[0] = 9
  t.deepEqual(await values(x), [1, 2])
})

test('fills', async (t) => {
  using a = full([2], 2.5)
  using b = zeros([2])
  using c = ones([2], { dtype: 'i32' })
  t.deepEqual(await values(a), [2.5, 2.5])
  t.deepEqual(await values(b), [0, 0])
  t.deepEqual(await values(c), [1, 1])
})

test('random tensors repeat with their seed, on every device', async (t) => {
  using a = randn([1000], { seed: 3 })
  using b = randn([1000], { seed: 3, device: 'reference' })
  using c = randn([1000], { seed: 4 })
  const [x, y, z] = await Promise.all([a, b, c].map(values))
  t.deepEqual(x, Array.from(y ?? [], Math.fround))
  t.notDeepEqual(x, z)
  using u = uniform([1000], -2, 3, { seed: 1 })
  const drawn = await values(u)
  t.true(Math.min(...drawn) >= -2 && Math.max(...drawn) < 3)
})

test('assign and fill write in place, through views', async (t) => {
  using x = zeros([2, 2])
  using row = x.slice(1, 1)
  row.assign([3, 4])
  t.deepEqual(await values(x), [0, 0, 3, 4])
  using other = ones([2, 2])
  x.assign(other).slice(0, 1).fill(5)
  t.deepEqual(await values(x), [5, 5, 1, 1])
})

test('prints itself', (t) => {
  using x = zeros([2, 3])
  t.is(String(x), 'Tensor(f32 [2, 3] on cpu)')
  x.requiresGrad = true
  x.dispose()
  t.is(inspect(x), 'Tensor(f32 [2, 3] on cpu), disposed')
})

const refusals: [string, () => unknown, string, RegExp][] = [
  [
    'counts that differ',
    () => tensor([1, 2, 3], [2, 2]),
    'ERR_SHAPE',
    /4 numbers for \[2, 2\], got 3/,
  ],
  ['ragged rows', () => tensor([[1, 2], [3]]), 'ERR_SHAPE', /expected 2 entries, got 1 entries/],
  ['a row for a number', () => tensor([1, [2]]), 'ERR_SHAPE', /data/],
  ['a negative extent', () => zeros([-1]), 'ERR_SHAPE', /shape/],
  ['fractions as integers', () => tensor([0.5], [1], { dtype: 'i32' }), 'ERR_DTYPE', /0\.5/],
  [
    'the dtype of another device',
    () => zeros([1], { dtype: 'f64' }),
    'ERR_DTYPE',
    /'f32' or 'i32'/,
  ],
  ['an unknown device', () => zeros([1], { device: 'tpu' as 'cpu' }), 'ERR_DEVICE', /'tpu'/],
  ['random integers', () => randn([1], { dtype: 'i32' }), 'ERR_DTYPE', /reals|real numbers/],
  [
    'a bad reshape',
    () => zeros([6]).reshape(4, -1),
    'ERR_SHAPE',
    /6 elements, got \[4, -1\]|got \[4, 1.5\]/,
  ],
  ['a slice past the end', () => zeros([3]).slice(2, 2), 'ERR_SHAPE', /0\.\.3, got 2\.\.4/],
  ['shapes that do not broadcast', () => ops.add(zeros([2]), zeros([3])), 'ERR_SHAPE', /\[add\] b/],
  [
    'matrices that do not fit',
    () => ops.matmul(zeros([2, 3]), zeros([2, 3])),
    'ERR_SHAPE',
    /\[3, N\]/,
  ],
  [
    'tensors of two devices',
    () => ops.add(zeros([1]), zeros([1], { device: 'reference' })),
    'ERR_DEVICE',
    /\[add\] b/,
  ],
  [
    'gradients of integers',
    () => tensor(new Int32Array(1), [1], { requiresGrad: true }),
    'ERR_DTYPE',
    /i32/,
  ],
  ['item of many', () => zeros([2]).item(), 'ERR_SHAPE', /one element/],
]

for (const [what, action, code, message] of refusals)
  test(`refuses ${what}`, async (t) => {
    const error = await t.throwsAsync(async () => action(), { instanceOf: RnnativeError, message })
    t.is(error.code, code as typeof error.code)
  })

test('a disposed tensor throws, a second dispose does not', (t) => {
  const x = zeros([2])
  x.dispose()
  x.dispose()
  t.true(x.disposed)
  const error = t.throws(() => ops.tanh(x), { instanceOf: RnnativeError })
  t.is(error.code, 'ERR_DISPOSED')
})

test('errors of native code are RnnativeErrors, sync and async', async (t) => {
  const scalar = t.throws(() => ops.clamp(zeros([1]), 2, 1), { instanceOf: RnnativeError })
  t.is(scalar.code, 'ERR_ARGUMENT')
  using ids = tensor(new Int32Array([5]))
  using table = zeros([3, 2])
  using y = ops.embedding(ids, table)
  const late = await t.throwsAsync(y.data(), { instanceOf: RnnativeError })
  t.is(late.code, 'ERR_INDEX')
})
