/**
 * Random numbers outside of ops: functions of a stream's key (seed and name), step and place alone, the
 * same on every device (Philox4x32-10, Salmon et al. 2011).
 */
import { native, type NativeRandom } from '../native/index'
import type { Tensor } from './tensor'

export type { NativeRandom } from '../native/index'

/** The key of the stream `path` of a seed. */
export const streamKey = (seed: number, path: string): Uint32Array => native.streamKey(seed, path)

/** The first `count` words of 32 random bits. */
export const randomWords = (random: NativeRandom, count: number): Uint32Array =>
  native.philox(random, 0, Math.ceil(count / 4)).subarray(0, count)

const WORDS_AT_ONCE = 1 << 20

/** The first `count` numbers in [0, 1), of 32 bits each. */
export function randomUniforms(random: NativeRandom, count: number): Float64Array {
  const numbers = new Float64Array(count)
  for (let begin = 0; begin < count; begin += WORDS_AT_ONCE) {
    const end = Math.min(count, begin + WORDS_AT_ONCE)
    const words = native.philox(random, begin / 4, Math.ceil((end - begin) / 4))
    for (let i = begin; i < end; ++i) numbers[i] = (words[i - begin] as number) / 2 ** 32
  }
  return numbers
}

/** Overwrites `x` in place: uniform in [a, b), or normal with mean a and deviation b. */
export function fillRandom(
  x: Tensor,
  distribution: 'uniform' | 'normal',
  a: number,
  b: number,
  random: NativeRandom,
): void {
  const values = native.random(x.device, x.dtype, x.shape, distribution, a, b, random)
  native.copyInto(x.handle, values)
  native.dispose(values)
}

/**
 * Overwrites `x`, [blocks*n, m], in place: each block gets orthonormal rows (columns, where it has more
 * rows) times gain.
 */
export function fillOrthogonal(
  x: Tensor,
  gain: number,
  blocks: number,
  random: NativeRandom,
): void {
  const [rows, columns] = x.shape as [number, number]
  const values = native.orthogonal(x.device, rows, columns, blocks, gain, random)
  native.copyInto(x.handle, values)
  native.dispose(values)
}
