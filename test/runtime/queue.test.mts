import test from 'ava'
import { native, type NativeTensor } from '#dist/native/index.js'

const values = async (x: NativeTensor) => [...(await native.read(x))]

test.serial('ops of an environment run in the order of the calls', async (t) => {
  const x = native.full('cpu', 'f32', [3], 0)
  const one = native.full('cpu', 'f32', [3], 1)
  const reads: Promise<number[]>[] = []
  for (let i = 0; i < 100; ++i) {
    reads.push(values(x))
    if (i % 10 === 9) native.fill(x, 0)
    else native.accumulate(x, one)
  }
  const seen = await Promise.all(reads)
  t.deepEqual(
    seen.map((v) => v[0]),
    Array.from({ length: 100 }, (_, i) => i % 10),
  )
})

test.serial('a tensor may be disposed while ops that use it wait', async (t) => {
  let x = native.full('cpu', 'f32', [1000], 1)
  for (let i = 0; i < 200; ++i) {
    const next = native.unary('affine', x, 1, 1)
    native.dispose(x)
    x = next
  }
  const y = values(x)
  native.dispose(x)
  t.true((await y).every((v) => v === 201))
  t.throws(() => native.read(x), { code: 'ERR_DISPOSED', message: /^\[read\] x: expected a live/ })
  t.true(native.describe(x).disposed)
  t.notThrows(() => native.dispose(x))
})

test.serial('input arrays are copied at the call', async (t) => {
  const data = Float32Array.of(1, 2, 3)
  const x = native.fromData('cpu', 'f32', [3], data)
  const y = native.full('cpu', 'f32', [3], 0)
  native.writeInto(y, data)
  data.fill(9)
  t.deepEqual(await values(x), [1, 2, 3])
  t.deepEqual(await values(y), [1, 2, 3])
})

test.serial('the queue is bounded in ops and in staged bytes', async (t) => {
  const x = native.full('cpu', 'f32', [128, 128], 0.5)
  let most = 0
  for (let i = 0; i < 6000; ++i) {
    native.dispose(native.unary('tanh', x, 0, 0))
    if (i % 64 === 0) most = Math.max(most, native.memory().pendingOps)
  }
  t.true(most > 500, `ops run behind the calls, at most ${most} were pending`)
  t.true(most <= 1024, `${most} were pending`)
  await native.synchronize()
  t.is(native.memory().pendingOps, 0)

  const data = new Float32Array(4 << 20)
  const y = native.full('cpu', 'f32', [data.length], 0)
  let staged = 0
  for (let i = 0; i < 40; ++i) {
    native.writeInto(y, data)
    staged = Math.max(staged, native.memory().staged)
  }
  t.true(staged <= (256 << 20) + data.byteLength, `${staged} bytes were staged`)
  await native.synchronize()
  t.is(native.memory().staged, 0)
})

test.serial('setThreads and setIsa take effect in queue order and change no result', async (t) => {
  const { threads, isa, isas } = native.info()
  t.true(isas.includes(isa))
  const x = native.full('cpu', 'f32', [33, 65], 0.25)
  const w = native.full('cpu', 'f32', [65, 17], 0.5)
  const results: Promise<number[]>[] = []
  for (const count of [1, 2, 0]) {
    native.setThreads(count)
    t.is(native.info().threads, count || threads)
    for (const name of isas) {
      native.setIsa(name)
      t.is(native.info().isa, name)
      results.push(values(native.matmul(x, w, false, false)))
    }
  }
  native.setIsa(isa)
  for (const result of await Promise.all(results)) t.true(result.every((v) => v === 8.125))
  t.throws(() => native.setIsa('mmx'), { code: 'ERR_ARGUMENT', message: /expected one of .*'mmx'/ })
  t.throws(() => native.setThreads(-1), { code: 'ERR_ARGUMENT' })
  t.throws(() => native.setThreads(1.5), { code: 'ERR_ARGUMENT' })
})

test.serial('a profile times ops by name and device', async (t) => {
  native.profileStart()
  const x = native.full('cpu', 'f32', [64], 1)
  for (let i = 0; i < 5; ++i) native.accumulate(x, native.full('cpu', 'f32', [64], 1))
  native.full('reference', 'f64', [2], 1)
  const rows = await native.profileStop()
  const calls = Object.fromEntries(rows.map((row) => [`${row.device} ${row.op}`, row.calls]))
  t.is(calls['cpu accumulate'], 5)
  t.is(calls['cpu full'], 6)
  t.is(calls['reference full'], 1)
  t.true(rows.every((row) => row.milliseconds >= 0))
  t.deepEqual(await native.profileStop(), [])
})

test.serial('the event loop runs on while the engine computes', async (t) => {
  const x = native.full('cpu', 'f32', [400, 400], 0.01)
  for (let i = 0; i < 40; ++i) native.dispose(native.matmul(x, x, false, false))
  let done = false
  const finished = native.synchronize().then(() => (done = true))
  let turns = 0
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve))
    ++turns
  }
  await finished
  t.true(turns > 10, `${turns} turns`)
})
