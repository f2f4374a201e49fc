/**
 * What a value is, whichever realm made it: under Jest, in vm contexts and in the addon there is another of each
 * built-in class, and `instanceof` knows one of them. Node's checks look at what only such a value has inside.
 */
import { types } from 'node:util'
import type { AbortSignalLike } from './signal'

export const isView = types.isArrayBufferView
export const { isFloat32Array, isFloat64Array, isInt32Array, isMap, isSet } = types

/** An error of any realm. */
export const isError = (x: unknown): x is Error => x instanceof Error || types.isNativeError(x)

/** What an error says, or what was thrown in place of one. */
export const messageOf = (error: unknown): string =>
  isError(error) ? error.message : String(error)

/** What can be awaited. */
export const isPromise = (x: unknown): x is Promise<unknown> =>
  typeof x === 'object' && x !== null && typeof (x as { then?: unknown }).then === 'function'

export const isAbortSignal = (x: unknown): x is AbortSignalLike => {
  if (typeof x !== 'object' || x === null) return false
  const { aborted, addEventListener, removeEventListener } = x as Partial<AbortSignalLike>
  const listens =
    typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  return listens && typeof aborted === 'boolean'
}

/** An object of no class: `{ ... }` of any realm. */
export function isPlain(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null) return false
  const prototype = Object.getPrototypeOf(x) as object | null
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'))
  )
}

type NumberArray = Exclude<NodeJS.TypedArray, BigInt64Array | BigUint64Array>

/** A typed array of numbers: not of bigints, and no DataView. */
export const isNumberArray = (x: unknown): x is NumberArray =>
  types.isTypedArray(x) && !types.isBigInt64Array(x) && !types.isBigUint64Array(x)

/** A typed array whose buffer was transferred, or shrank away under it: it reads as empty. */
export function isGone(x: NodeJS.TypedArray): boolean {
  if (x.length > 0) return false
  try {
    x.keys() // the cheapest method that looks
    return false
  } catch {
    return true
  }
}

/** What a loop can go through: of a typed array that is gone it cannot. */
export const isIterable = (x: unknown): x is Iterable<unknown> =>
  typeof (x as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === 'function' &&
  !(types.isTypedArray(x) && isGone(x))

/** What gives one after the other, at once or over time. */
export const isSource = (x: unknown): x is Iterable<unknown> | AsyncIterable<unknown> =>
  isIterable(x) ||
  typeof (x as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] ===
    'function'
