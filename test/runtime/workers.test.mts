import { Worker } from 'node:worker_threads'
import test from 'ava'
import { native } from '#dist/native/index.js'
import { nativePath, runScript } from './child.mjs'

function start(script: string, workerData?: unknown): Worker {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { native } = require(${nativePath});
    ${script}`
  return new Worker(source, { eval: true, workerData })
}

const message = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })

const ended = (worker: Worker) => new Promise((resolve) => worker.once('exit', resolve))

test.serial('several workers compute at once, each with its own queue and failures', async (t) => {
  const script = `
    (async () => {
      let x = native.full('cpu', 'f32', [64, 64], workerData);
      const eye = new Float32Array(64 * 64);
      for (let i = 0; i < 64; ++i) eye[i * 65] = 1;
      const identity = native.fromData('cpu', 'f32', [64, 64], eye);
      for (let i = 0; i < 300; ++i) {
        const y = native.matmul(x, identity, false, false);
        native.dispose(x);
        x = y;
      }
      if (workerData === 2) native.unary('neg', native.empty('cpu', 'f32', [1]), 0, 0);
      const failed = await native.synchronize().then(() => false, (e) => e.code);
      const values = await native.read(x);
      parentPort.postMessage({ right: values.every((v) => v === workerData), failed });
    })();`
  const workers = [1, 2, 3, 4].map((n) => start(script, n))
  const exits = workers.map(ended)
  const answers = await Promise.all(workers.map(message))
  t.deepEqual(
    answers,
    [1, 2, 3, 4].map((n) => ({ right: true, failed: n === 2 && 'ERR_UNINITIALIZED' })),
  )
  t.deepEqual(await Promise.all(exits), [0, 0, 0, 0]) // nothing keeps a worker alive
  await t.notThrowsAsync(native.synchronize()) // another environment's failure is not ours
})

test.serial('a long queue of one worker does not hold up another environment', async (t) => {
  const worker = start(`
    const x = native.full('cpu', 'f32', [400, 400], 0.01);
    for (let i = 0; i < 100; ++i) native.dispose(native.matmul(x, x, false, false));
    parentPort.postMessage('queued');
    native.synchronize().then(() => parentPort.postMessage('finished'));`)
  t.is(await message(worker), 'queued')
  let finished = false
  const end = message(worker).then(() => (finished = true))
  for (let i = 0; i < 5; ++i) await native.read(native.full('cpu', 'f32', [4], i))
  t.false(finished)
  await end
})

test.serial('terminating workers mid-work leaves the process and its tensors alone', async (t) => {
  const x = native.full('cpu', 'f32', [4], 7)
  const before = native.memory().devices.cpu.tensors
  for (let i = 0; i < 12; ++i) {
    const worker = start(`
      const x = native.full('cpu', 'f32', [256, 256], 0.01);
      parentPort.postMessage('working');
      (async () => {
        for (;;) {
          const y = native.matmul(x, x, false, false);
          native.read(y).catch(() => {});
          native.writeInto(x, new Float32Array(256 * 256));
          native.dispose(y);
          if (Math.random() < 0.1) await native.synchronize();
        }
      })();`)
    await message(worker)
    await new Promise((resolve) => setTimeout(resolve, i * 7))
    await worker.terminate()
  }
  t.deepEqual([...(await native.read(x))], [7, 7, 7, 7])
  // What the workers' queues and handles held is freed with them.
  for (let i = 0; i < 50 && native.memory().devices.cpu.tensors > before; ++i)
    await new Promise((resolve) => setTimeout(resolve, 20))
  t.true(native.memory().devices.cpu.tensors <= before)
})

test('the process can exit while workers compute', async (t) => {
  const { code, signal, stderr } = await runScript(`
    const { Worker } = require('node:worker_threads');
    const script = \`const { native } = require(${nativePath});
      const x = native.full('cpu', 'f32', [400, 400], 0.01);
      require('node:worker_threads').parentPort.postMessage(0);
      for (;;) native.dispose(native.matmul(x, x, false, false));\`;
    let waiting = 3;
    for (let i = 0; i < 3; ++i)
      new Worker(script, { eval: true }).on('message', () => --waiting || setTimeout(() => process.exit(5), 50));`)
  t.is(signal, null, stderr)
  t.is(code, 5, stderr)
})
