/** What is recorded as a program (CUDA graph), run again, and refused: only with a CUDA device. */
import test from 'ava'
import { full, nn, ops, scope, tensor, zeros, type Tensor } from 'rnnative'
import { native } from '#dist/native/index.js'
import { handleOf } from '../support/host.mjs'
import { kernels } from '../support/op.mjs'

const available = kernels().some(({ device }) => device === 'cuda')
const onDevice = available ? test : test.skip
const device = 'cuda'

const withoutDevice = native.cudaProbe().available ? test.skip : test
withoutDevice('without a CUDA device there are no programs', (t) => {
  t.throws(() => native.beginProgram(), { code: 'ERR_DEVICE' })
})

const read = async (x: Tensor): Promise<number[]> => [...(await x.data())]
const updates = new Float64Array(0)

onDevice('a bad id fails its run by name, and nothing changes', async (t) => {
  using table = tensor(Float32Array.of(1, 2, 3), [3, 1], { device })
  using ids = tensor(Int32Array.of(2, 0), [2], { device })
  using total = zeros([2, 1], { device })
  native.beginProgram()
  using found = scope(() => {
    const x = ops.embedding(ids, table)
    total.assign(ops.add(total, x))
    return x
  })
  const program = native.endProgram([handleOf(found)], 1, updates)
  t.deepEqual(await read(found), [3, 1])

  ids.assign(Int32Array.of(1, 3))
  native.runProgram(program, 0, updates)
  await t.throwsAsync(() => found.data(), {
    code: 'ERR_INDEX',
    message: '[embedding] id 3 at position 1: expected 0..2',
  })
  t.deepEqual(await read(total), [3, 1])

  ids.assign(Int32Array.of(1, 1))
  native.runProgram(program, 0, updates)
  t.deepEqual([...(await read(found)), ...(await read(total))], [2, 2, 5, 3])
  native.disposeProgram(program)
  t.throws(() => native.runProgram(program, 0, updates), { code: 'ERR_DISPOSED' })
  native.disposeProgram(program)
})

onDevice('more tokens than there is room for are refused', async (t) => {
  const lstm = new nn.LSTM({ input: 2, hidden: 3, device })
  using x = zeros([4, 3, 2], { device })
  using lengths = tensor(Int32Array.of(2, 1, 0), [3], { device })
  native.beginProgram()
  const { output, state } = lstm.forward(x, { lengths })
  const program = native.endProgram([handleOf(output)], 4, updates)
  await output.data()
  lengths.assign(Int32Array.of(0, 0, 4))
  native.runProgram(program, 0, updates)
  await output.data()
  lengths.assign(Int32Array.of(1, 0, 4))
  native.runProgram(program, 0, updates)
  await t.throwsAsync(() => output.data(), {
    code: 'ERR_INDEX',
    message: '[lstm] expected at most 4 tokens in a run of this program, got 5',
  })
  native.disposeProgram(program)
  for (const made of [output, state.h, state.c]) made?.dispose()
  lstm.dispose()
})

onDevice('what the host must read, or only the device knows, cannot be recorded', async (t) => {
  using logits = zeros([2, 3], { device })
  native.beginProgram()
  const { indices, scores } = native.topk(
    ...([handleOf(logits), handleOf(zeros([2], { device })), 1, 1] as const),
    ...([null, null, null] as const),
  )
  const program = native.endProgram([scores], 1, updates)
  await t.throwsAsync(() => native.read(scores), { code: 'ERR_UNSUPPORTED', message: /^\[topk\] / })
  native.runProgram(program, 0, updates)
  await t.throwsAsync(() => native.read(scores), { code: 'ERR_UNSUPPORTED' })
  for (const made of [indices, scores]) native.dispose(made)
  native.disposeProgram(program)

  // The device is none the worse for it.
  using y = ops.add(logits, 1)
  t.deepEqual(await read(y), [1, 1, 1, 1, 1, 1])
})

onDevice("a program's outputs stay what they are while others run", async (t) => {
  using x = tensor(Float32Array.of(1, 2), [2], { device })
  const made = Array.from({ length: 4 }, (_, i) => {
    native.beginProgram()
    const y = scope(() => {
      const higher = ops.add(ops.mul(x, x), i)
      return ops.sum(ops.sub(ops.add(higher, 1), ops.mul(x, 2)))
    })
    return { y, program: native.endProgram([handleOf(y)], 1, updates) }
  })
  for (const { program } of made) native.runProgram(program, 0, updates)
  for (const { program } of made.toReversed()) native.runProgram(program, 0, updates)
  const values = await Promise.all(made.map(({ y }) => y.item()))
  t.deepEqual(values, [1, 3, 5, 7])
  for (const { y, program } of made) {
    native.disposeProgram(program)
    y.dispose()
  }
})

onDevice('what only a program uses cannot be read, nor what never ran', async (t) => {
  using x = zeros([2], { device })
  native.beginProgram()
  const inner = ops.add(x, 1)
  const outer = ops.add(inner, 1)
  const program = native.endProgram([handleOf(outer)], 1, updates)
  t.deepEqual(await read(outer), [2, 2])
  await t.throwsAsync(() => inner.data(), { code: 'ERR_UNINITIALIZED', message: /only it uses/ })
  native.disposeProgram(program)

  const place = native.empty(device, 'f32', [2])
  native.beginProgram()
  native.copyInto(place, handleOf(x))
  const failing = ops.embedding(
    tensor(Int32Array.of(7), [1], { device }),
    zeros([2, 1], { device }),
  )
  native.disposeProgram(native.endProgram([handleOf(failing)], 1, updates))
  await t.throwsAsync(() => failing.data(), { code: 'ERR_INDEX' })
  await t.throwsAsync(() => native.read(place), { code: 'ERR_UNINITIALIZED' })
  for (const made of [inner, outer, failing]) made.dispose()
  native.dispose(place)
})

onDevice('numbers from the host are constants of a program', async (t) => {
  using x = zeros([2], { device })
  using ids = tensor(Int32Array.of(0, 1), [2], { device })
  const record = (body: () => Tensor) => {
    native.beginProgram()
    const y = scope(body)
    return { y, program: native.endProgram([handleOf(y)], 1, updates) }
  }
  const sound = record(() => {
    const other = ops.exp(ops.add(x, 1)) // its memory is free when the constants come
    const table = ops.add(ops.mul(other, 0), tensor(Float32Array.of(5, 6), [2], { device }))
    const one = full([3], 1, { device, dtype: 'i32' })
    return ops.embedding(one, ops.reshape(table, [2, 1]))
  })
  for (let run = 0; run < 3; ++run) {
    t.deepEqual(await read(sound.y), [6, 6, 6])
    native.runProgram(sound.program, 0, updates)
  }
  const writes = record(() => {
    ids.assign(Int32Array.of(1, 0))
    return ops.add(x, 1)
  })
  await t.throwsAsync(() => writes.y.data(), {
    code: 'ERR_UNSUPPORTED',
    message: /^\[write_into\] .*RNNATIVE_CUDA_GRAPHS=0/,
  })
  const changes = record(() => tensor(Float32Array.of(1, 2), [2], { device }).assign(x))
  await t.throwsAsync(() => changes.y.data(), { code: 'ERR_UNSUPPORTED' })
  for (const { y, program } of [sound, writes, changes]) {
    native.disposeProgram(program)
    y.dispose()
  }
})

onDevice('a pass backward needs its pass forward in the same program', async (t) => {
  const lstm = new nn.LSTM({ input: 2, hidden: 3, device })
  using x = zeros([4, 3, 2], { device })
  const { output, state } = lstm.forward(x)
  const loss = ops.sum(output)
  native.beginProgram()
  loss.backward()
  native.disposeProgram(native.endProgram([], 1, updates))
  await t.throwsAsync(() => (lstm.parameter('weight_hh_l0')?.grad as Tensor).data(), {
    message: /same program/,
  })
  for (const made of [output, state.h, state.c, loss]) made?.dispose()
  lstm.dispose()
})

onDevice('recordings do not nest, and can be given up', async (t) => {
  using x = zeros([2], { device })
  native.beginProgram()
  t.throws(() => native.beginProgram(), { code: 'ERR_BUSY' })
  const y = ops.add(x, 1)
  native.cancelProgram()
  await t.throwsAsync(() => y.data(), { code: 'ERR_UNINITIALIZED' })
  t.throws(() => native.endProgram([], 1, updates), { code: 'ERR_ARGUMENT' })
  y.dispose()
})

onDevice('updates have to be given as recorded', async (t) => {
  using x = zeros([2], { device })
  native.beginProgram()
  const y = ops.add(x, 1)
  const program = native.endProgram([handleOf(y)], 1, Float64Array.of(0.1, 1))
  await t.throwsAsync(() => y.data(), { message: '[program] expected 0 updates, got 1' })
  t.throws(() => native.runProgram(program, 0, Float64Array.of(0.1)), { code: 'ERR_ARGUMENT' })
  t.throws(() => native.runProgram(program, 0, Float64Array.of(0.1, 0)), { code: 'ERR_ARGUMENT' })
  t.throws(() => native.runProgram(program, -1, updates), { code: 'ERR_ARGUMENT' })
  native.disposeProgram(program)
  y.dispose()
})
