/** bf16 on the host: what operands of a product become. */
import { Draw, size, type Host } from './host.mjs'

const word = new DataView(new ArrayBuffer(4))

export function floatOf(bits: number): number {
  word.setUint32(0, bits)
  return word.getFloat32(0)
}

/** To nearest, ties to even; a NaN stays a NaN. */
export function toBf16(x: number): number {
  if (Number.isNaN(x)) return NaN
  word.setFloat32(0, x)
  const bits = word.getUint32(0)
  const odd = (bits >>> 16) & 1
  return floatOf(((bits + 0x7fff + odd) & 0xffff0000) >>> 0)
}

export const rounded = ({ shape, data }: Host): Host =>
  data instanceof Int32Array ? { shape, data } : { shape, data: data.map(toBf16) }

/** All real inputs rounded, except those named. */
export const roundedInputs = (
  inputs: Record<string, Host | null>,
  except: (name: string) => boolean = () => false,
): Record<string, Host | null> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, host]) => [
      name,
      host && !except(name) ? rounded(host) : host,
    ]),
  )

/** Numbers that bf16 represents. */
export const drawBf16 = (draw: Draw, shape: readonly number[], low = -1, high = 1): Host =>
  rounded(draw.reals(shape, low, high))

/** a [m, k] times b [k, n] in double; either may be given transposed. */
export function product(
  a: Float64Array,
  b: Float64Array,
  [m, n, k]: [number, number, number],
  { transA = false, transB = false } = {},
): Float64Array {
  const y = new Float64Array(size([m, n]))
  for (let i = 0; i < m; ++i)
    for (let j = 0; j < n; ++j) {
      let sum = 0
      for (let l = 0; l < k; ++l)
        sum +=
          (a[transA ? l * m + i : i * k + l] as number) *
          (b[transB ? j * k + l : l * n + j] as number)
      y[i * n + j] = sum
    }
  return y
}
