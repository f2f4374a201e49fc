/** Values that no caller should pass: what the boundary test puts in place of good arguments. */
import { native, type DeviceName, type NativeTensor } from '#dist/native/index.js'

function detached(): Float32Array {
  const array = new Float32Array(6)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}

/** An array whose entries, when read, dispose of the tensor that they are. */
function disposingArray(device: DeviceName): unknown[] {
  const tensor = native.full(device, device === 'cpu' ? 'f32' : 'f64', [2, 3], 1)
  const get = (): unknown => {
    native.dispose(tensor)
    return tensor
  }
  return Object.defineProperty([tensor, tensor], 1, { get })
}

function disposed(): NativeTensor {
  const tensor = native.full('cpu', 'f32', [2, 3], 1)
  native.dispose(tensor)
  return tensor
}

/** A tensor whose op fails when it runs: an id out of range. */
function failed(device: DeviceName): NativeTensor {
  const ids = native.fromData(device, 'i32', [2], Int32Array.of(0, 99))
  const table = native.full(device, device === 'cpu' ? 'f32' : 'f64', [2, 3], 1)
  const output = native.embedding(ids, table)
  native.dispose(ids)
  native.dispose(table)
  return output
}

function reserve(device: DeviceName): unknown {
  const x = native.full(device, device === 'cpu' ? 'f32' : 'f64', [2, 3], 1)
  const targets = native.fromData(device, 'i32', [2], Int32Array.of(0, 1))
  const made = native.crossEntropy(x, null, null, targets, null, -100, 0, true)
  for (const tensor of [x, targets, made.losses, made.weights]) native.dispose(tensor)
  return made.reserve
}

const tensors: readonly (() => unknown)[] = [
  disposed,
  () => native.full('cpu', 'f32', [2, 3], 1),
  () => native.full('reference', 'f64', [2, 3], 1),
  () => native.full('cpu', 'i32', [3], -7),
  () => native.full('reference', 'i32', [3], 2 ** 31 - 1),
  () => native.full('cpu', 'f32', [], NaN),
  () => native.full('cpu', 'f32', [0, 3], 1),
  () => native.full('reference', 'f64', [1, 2, 1, 2, 1, 2, 1, 2], 1),
  () => native.empty('cpu', 'f32', [2, 3]),
  () => native.empty('cpu', 'f32', [2 ** 38]),
  () => native.empty('reference', 'f64', [2 ** 20, 2 ** 20]),
  () => native.empty('cpu', 'f32', [0, 2 ** 40]),
  () => failed('cpu'),
  () => failed('reference'),
  () => reserve('cpu'),
  () => reserve('reference'),
]

const numbers: readonly number[] = [
  ...[0, -0, 1, -1, 2, 7, 8, 9, 0.5, -0.5, NaN, Infinity, -Infinity, 1e308, 5e-324],
  ...[
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 63,
    2 ** 64,
    -(2 ** 31),
    -(2 ** 53),
  ],
]

const shapes: readonly unknown[] = [
  ...[[], [0], [1], [2, 3], [3, 2], [-1], [NaN], [1.5], ['2'], [null], [[2]]],
  ...[[2 ** 20, 2 ** 20, 2 ** 20], [0, 2 ** 53 - 1], [2 ** 31, 2 ** 31, 0], [2 ** 62], [1e300]],
  ...[
    [1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
    [Infinity, 0],
  ],
]

const others: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => '',
  () => 'cpu',
  () => 'reference',
  () => 'cuda',
  () => 'f32',
  () => 'f64',
  () => 'lstm',
  () => 'max',
  () => 'constructor',
  () => 'x\0\uD800',
  () => 'a'.repeat(100_000),
  () => Symbol('s'),
  () => 10n,
  () => 2n ** 100n,
  () => ({}),
  () => Object.create(null) as unknown,
  () => Object.create(native.full('cpu', 'f32', [2, 3], 1)) as unknown,
  () => Object.freeze({ storage: 1, shape: [2, 3] }),
  () => new Proxy({}, {}),
  () => new Proxy(native.full('cpu', 'f32', [2, 3], 1), {}),
  () => () => 1,
  () => new Date(),
  () => /x/,
  () => Promise.resolve(1),
  () => new Map(),
  () => new Array(10),
  () => new Array(100_000),
  () => new Array(2 ** 32 - 1),
  () => [null, null],
  () => [null, null, null],
  () => [true, false, true],
  () => [{}, {}, {}],
  () => [[null, null, null, null]],
  () => disposingArray('cpu'),
  () => disposingArray('reference'),
  () => new Float32Array(0),
  () => new Float32Array(6),
  () => new Float64Array(6).fill(NaN),
  () => new Int32Array(6),
  () => new Uint8Array(6),
  () => new Uint32Array(2),
  () => new BigInt64Array(6),
  () => new Float32Array(new SharedArrayBuffer(24)),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  detached,
  () => ({ key: new Uint32Array(2), step: 0, sampleBase: 0 }),
  () => ({ key: detached(), step: 0, sampleBase: 0 }),
  () => ({ key: new Uint32Array(2), step: 2 ** 53, sampleBase: -1, stream: 256 }),
  () => ({ key: new Uint32Array(2), step: 1, sampleBase: 2 ** 53 - 1, stream: 255 }),
]

/** By index, so that a failing case can be drawn again. */
export const hostile: readonly (() => unknown)[] = [
  ...tensors,
  ...numbers.map((value) => () => value),
  ...shapes.map((value) => () => value),
  ...others,
]
