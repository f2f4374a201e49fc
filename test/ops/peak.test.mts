import test from 'ava'
import { native } from '#dist/native/index.js'
import { peakGflops } from 'rnnative'

test('the peak is a speed that a processor can have, whatever the threads', async (t) => {
  for (const threads of [1, 2]) {
    native.setThreads(threads)
    const gflops = await peakGflops(0.02)
    t.true(gflops > 0.1 && gflops < 1e4, `${gflops}`)
  }
  native.setThreads(0)
})

test('the peak is not measured on the reference, nor for no time', async (t) => {
  await t.throwsAsync(() => native.read(native.peak('reference', 0.01)), {
    code: 'ERR_UNSUPPORTED',
    message: '[peak] not measured on the reference backend',
  })
  t.throws(() => native.peak('cpu', NaN), { code: 'ERR_ARGUMENT' })
  t.throws(() => native.peak('cpu', 2), { code: 'ERR_ARGUMENT' })
})
