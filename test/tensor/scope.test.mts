import test from 'ava'
import { ops, RnnativeError, scope, tensor, zeros } from 'rnnative'
import { collectGarbage, liveStorages as live } from './live.mjs'

test.serial.beforeEach(collectGarbage)

test.serial('disposes all but the result', async (t) => {
  const before = await live()
  let inner: ReturnType<typeof zeros> | undefined
  const y = scope(() => {
    inner = zeros([3])
    return ops.add(inner, 1)
  })
  t.true(inner?.disposed)
  t.false(y.disposed)
  t.deepEqual([...(await y.data())], [1, 1, 1])
  t.is(await live(), before + 1)
  y.dispose()
  t.is(await live(), before)
})

test.serial('keeps what arrays, maps and objects hold', (t) => {
  const result = scope(() => ({ list: [zeros([1])], map: new Map([['a', zeros([1])]]), n: 1 }))
  t.false(result.list[0]?.disposed)
  t.false(result.map.get('a')?.disposed)
  scope(() => undefined)
  result.list[0]?.dispose()
  result.map.get('a')?.dispose()
})

test.serial('nests: the outer scope owns what an inner one returns', (t) => {
  let inner: ReturnType<typeof zeros> | undefined
  scope(() => {
    inner = scope(() => zeros([1]))
    t.false(inner.disposed)
  })
  t.true(inner?.disposed)
})

test.serial('cleans up after a throw, and refuses async functions', async (t) => {
  const before = await live()
  t.throws(() =>
    scope(() => {
      zeros([4])
      throw new Error('no')
    }),
  )
  const error = t.throws(
    () =>
      scope(async () => {
        zeros([4])
        await Promise.resolve()
      }),
    { instanceOf: RnnativeError },
  )
  t.is(error.code, 'ERR_ARGUMENT')
  t.is(await live(), before)
})

test.serial('dispose is safe while work is queued, and flat over many tensors', async (t) => {
  const before = await live()
  for (let i = 0; i < 10_000; ++i) tensor(new Float32Array(64)).dispose()
  const x = zeros([8])
  const y = ops.tanh(ops.add(x, 1))
  x.dispose()
  t.true(Math.abs(((await y.data())[0] as number) - Math.tanh(1)) < 1e-6)
  y.dispose()
  t.true((await live()) <= before + 1) // the intermediate sum was dropped, not disposed
})

test.serial('what is dropped without dispose goes with the garbage collector', async (t) => {
  const before = await live()
  for (let i = 0; i < 10; ++i) ops.tanh(zeros([100], { requiresGrad: true }))
  t.true((await live()) > before)
  await collectGarbage()
  t.is(await live(), before)
})
