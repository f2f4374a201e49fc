/** Values that nobody should pass, and random choices among them that a seed repeats. */
import { tensor, zeros } from 'rnnative'

export class Chance {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** In [0, 1): mulberry32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let x = this.state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T
  }
}

const cyclic: unknown[] = []
cyclic.push(cyclic)
const round: Record<string, unknown> = {}
round['self'] = round
const gone = new Float32Array(2)
structuredClone(gone, { transfer: [gone.buffer] })
const disposed = zeros([2])
disposed.dispose()
const deep: unknown = Array(1000)
  .fill(0)
  .reduce<unknown>((inner) => [inner], 1)

class Odd {
  readonly length = 3
}

/** Made anew for each call, but for those that nothing changes. */
export const hostile: readonly (() => unknown)[] = [
  ...[undefined, null, true, false, 0, -0, -1, 1, 2, 3, 1.5, NaN, Infinity, -Infinity].map(
    (value) => () => value,
  ),
  ...[1e9, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, 1e300, 10n].map((value) => () => value),
  ...['', 'a', 'abc', 'Sum', 'f32', '__proto__', 'constructor', '\ud800', '\0'].map((v) => () => v),
  ...[Symbol('s'), () => undefined, () => null, Math.max].map((value) => () => value),
  () => [],
  () => [1, 2],
  () => [0.5],
  () => [[1, 2], [3]],
  () => [null],
  () => ['x'],
  () => [, 1], // eslint-disable-line no-sparse-arrays
  () => [[], []],
  () => cyclic,
  () => deep,
  () => ({}),
  () => ({ foo: 1 }),
  () => round,
  () => Object.create(null) as unknown,
  () => ({ length: 2 }),
  () => new Odd(),
  () => new Map(),
  () => new Map([['a', 1]]),
  () => new Set([1]),
  () => new Date(),
  () => /x/,
  () => new Error('mine'),
  () => new Proxy({}, {}),
  () => new Float32Array(2),
  () => Float64Array.of(NaN, 1),
  () => Int32Array.of(0, 1),
  () => new Uint8Array(3),
  () => new BigInt64Array(1),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => gone,
  () => disposed,
  () => zeros([]),
  () => zeros([2]),
  () => zeros([2, 3]),
  () => zeros([1, 2, 2]),
  () => zeros([0]),
  () => tensor(Int32Array.of(0, 1)),
  () => zeros([2], { device: 'reference' }),
  () => AbortSignal.abort(),
]

type Holder = Record<string, unknown>

const isHolder = (value: unknown): value is Holder => {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

const copy = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(copy)
    : isHolder(value)
      ? Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, copy(entry)]))
      : value

/** The same arguments with one of them, or one entry somewhere in them, spoilt; `signal` stays. */
export function spoil(args: readonly unknown[], chance: Chance): unknown[] {
  const spoilt = copy(args) as unknown[]
  let holder = spoilt as unknown as Holder
  for (;;) {
    const names = Object.keys(holder).filter((name) => name !== 'signal')
    if (names.length === 0 || chance.next() < 0.1) {
      if (!Array.isArray(holder)) holder[chance.of(['foo', 'Size', 'length_', 'optoin'])] = 1
      else if (holder === (spoilt as unknown)) spoilt.push(chance.of(hostile)())
      return spoilt
    }
    const name = chance.of(names)
    const inner = holder[name]
    if (isHolder(inner) && Object.keys(inner).length < 50 && chance.next() < 0.7) {
      holder = inner
      continue
    }
    if (chance.next() < 0.1) delete holder[name]
    else holder[name] = chance.of(hostile)()
    return spoilt
  }
}
