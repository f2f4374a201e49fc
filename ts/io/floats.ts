/** Floats of 16 bits. */
const BITS = new Uint32Array(1)
const FLOAT = new Float32Array(BITS.buffer)

/** IEEE half to double. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** bf16, the upper half of a float's bits. */
export function bf16ToNumber(bits: number): number {
  BITS[0] = bits << 16
  return FLOAT[0] as number
}

/** The nearest bf16, ties to even; NaN stays one. */
export function toBf16(x: number): number {
  FLOAT[0] = x
  const bits = BITS[0] as number
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
}
