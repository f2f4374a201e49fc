/** How weights begin, as an option says it. */

type Kind = 'uniform' | 'normal' | 'xavier' | 'orthogonal'
const KINDS: readonly string[] = ['uniform', 'normal', 'xavier', 'orthogonal'] satisfies Kind[]

/**
 * How weights start, an option of every layer, of models and of `Module.reset`. `uniform`: within ± the
 * number; `normal`: with that deviation; both fill biases too. `xavier` (`nn.init.xavierUniform`) and
 * `orthogonal` (`nn.init.orthogonal`, gates each on its own), with a gain where a number is given, fill
 * weights and set biases to zero.
 */
export type InitSpec =
  | { readonly uniform: number }
  | { readonly normal: number }
  | 'xavier'
  | { readonly xavier: number }
  | 'orthogonal'
  | { readonly orthogonal: number }

/** Completes "expected". */
export const INIT_FORMS =
  "{ uniform }, { normal }, 'xavier', { xavier }, 'orthogonal' or { orthogonal } of a number of at least 0"

/** The kind and its number; null of what is no {@link InitSpec}. */
export function readInitSpec(spec: unknown): [kind: Kind, scale: number] | null {
  if (spec === 'xavier' || spec === 'orthogonal') return [spec, 1]
  const entries = typeof spec === 'object' && spec !== null ? Object.entries(spec) : []
  const [kind, scale] = (entries[0] ?? []) as [string?, unknown?]
  const valid = entries.length === 1 && KINDS.includes(kind as string)
  const inRange = typeof scale === 'number' && scale >= 0 && scale < Infinity
  return valid && inRange ? [kind as Kind, scale] : null
}
