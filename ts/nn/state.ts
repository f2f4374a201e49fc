/** Values by name, and the parameters that they are for. */
import { expect, RnnativeError } from '../errors'
import { isMap } from '../kinds'
import { Tensor, type Parameter, type Shape, type TypedArray } from '../tensor'
import { formatShape, isTypedArray, sameShape } from '../tensor/shape'

/** A tensor's values on the host, as a checkpoint file gives them. */
export interface HostTensor {
  /** Of its axes. */
  readonly shape: Shape
  /** Its elements, row by row. */
  readonly data: TypedArray
}

/** Throws `ERR_ARGUMENT` for what is no map of tensors by name. */
export function checkState(op: string, of: string, state: unknown): void {
  expect(op, of, isMap(state), 'a Map of tensors by name', state)
  for (const [name, value] of state as Map<unknown, unknown>) {
    const { shape, data } = (value ?? {}) as Partial<HostTensor>
    const valid = value instanceof Tensor || (Array.isArray(shape) && isTypedArray(data))
    expect(op, String(name), valid, 'a tensor, or { shape, data }', value)
  }
}

/** What did not fit, of names. */
export interface LoadReport {
  /** Parameters that were not given. */
  missing: string[]
  /** Names that are no parameters. */
  unexpected: string[]
}

/** A parameter's names among those that there are values for: one, or several where it is tied. */
type Names = readonly [string, ...string[]]

export interface Matched extends LoadReport {
  found: Map<Parameter, Names>
}

/**
 * Finds the parameters of what is called so and has these shapes. `names`: every name of every parameter, the
 * first one first. `ERR_FORMAT`, with all that is mismatched and, if `strict`, missing or unexpected.
 */
export function matchNames(
  names: readonly (readonly [string, Parameter])[],
  state: ReadonlyMap<string, { readonly shape: Shape }>,
  strict: boolean,
): Matched {
  const known = new Set(names.map(([name]) => name))
  const found = new Map<Parameter, [string, ...string[]]>()
  const mismatched = new Map<string, string>()
  for (const [name, parameter] of names) {
    const shape = state.get(name)?.shape
    if (shape === undefined) continue
    const before = found.get(parameter)
    if (!sameShape(shape, parameter.shape))
      mismatched.set(name, `expected ${formatShape(parameter.shape)}, got ${formatShape(shape)}`)
    else if (before === undefined) found.set(parameter, [name])
    else before.push(name)
  }
  const told = new Set(names.filter(([name]) => mismatched.has(name)).map(([, one]) => one))
  const missing: string[] = []
  for (const [name, parameter] of names) {
    if (!found.has(parameter) && !told.has(parameter)) missing.push(name)
    told.add(parameter)
  }
  const unexpected = [...state.keys()].filter((name) => !known.has(name))
  if (mismatched.size === 0 && (!strict || missing.length + unexpected.length === 0))
    return { found, missing, unexpected }
  const lines = Array.from(mismatched, ([name, problem]) => `${name}: ${problem}`)
  const parts = [
    ...lines,
    ...(strict && missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
    ...(strict && unexpected.length > 0 ? [`unexpected: ${unexpected.join(', ')}`] : []),
  ]
  throw new RnnativeError('ERR_FORMAT', `[loadStateDict] ${parts.join('; ')}`, {
    details: { missing, unexpected, mismatched: lines },
  })
}

type Named = readonly [string, Tensor | HostTensor | undefined]

/** Throws `ERR_FORMAT` unless the two, which are for one parameter, hold the same values. */
export function* checkingAlike([first, a]: Named, [second, b]: Named): Generator<void, void> {
  if (a === b) return
  // What a tensor on a device holds cannot be told at once.
  const there = !(a instanceof Tensor || b instanceof Tensor) && a && b
  const alike = there && (yield* comparing(a, b))
  if (!alike)
    throw new RnnativeError(
      'ERR_FORMAT',
      `[loadStateDict] ${first} and ${second}: expected the same values, as they are one parameter, got others`,
    )
}

/** Numbers that are compared without a pause. */
const PART = 1 << 18

function* comparing({ data: a }: HostTensor, { data: b }: HostTensor): Generator<void, boolean> {
  for (let i = 0; i < a.length; ++i) {
    if (!Object.is(a[i], b[i])) return false
    if (i % PART === PART - 1) yield
  }
  return a.length === b.length
}
