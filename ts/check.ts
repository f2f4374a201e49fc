/** Checks of what users give, for everything public; options of models and runs are rows of a schema. */
import { expect, RnnativeError } from './errors'
import { isAbortSignal, isGone, isNumberArray, isView } from './kinds'
import { nearest } from './nearest'
import type { AbortSignalLike } from './signal'

/** Neither null nor a list. */
export const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && !Array.isArray(x)

export const whole = (x: unknown, least: number): x is number =>
  Number.isSafeInteger(x) && (x as number) >= least

/**
 * Most of what JavaScript keeps an object for, such as hypotheses of a source: far beyond use, and reached in less
 * than a second. What is tensors alone is bounded by memory.
 */
export const MOST_ROWS = 2 ** 16

/** The same for each of several sources that are worked on together. */
export const mostRows = (sources: number): number =>
  Math.max(1, Math.min(MOST_ROWS, Math.floor((16 * MOST_ROWS) / Math.max(1, sources))))

/** Most numbers of a tensor. */
export const MOST_ELEMENTS = 2 ** 40

/** Most units of a model's layer: their recurrent weight alone is a terabyte. */
export const MOST_UNITS = 2 ** 18

/** Most threads of the engine. */
export const MOST_THREADS = 1024

/** Most layers of a stack. */
export const MOST_LAYERS = 1024

export function checkWhole(
  op: string,
  name: string,
  value: unknown,
  least: number,
  most = Infinity,
): asserts value is number {
  if (whole(value, least) && value <= most) return
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  expect(op, name, false, `a whole number ${range}`, value)
}

export function checkPositive(op: string, name: string, value: unknown): void {
  const valid = typeof value === 'number' && value >= 0 && value < Infinity
  expect(op, name, valid, 'a number of at least 0', value)
}

/** A number that is neither NaN nor infinite. */
export const checkFinite = (op: string, name: string, value: unknown): void =>
  expect(op, name, Number.isFinite(value), 'a finite number', value)

export const checkFlag = (op: string, name: string, value: unknown): void =>
  expect(op, name, typeof value === 'boolean', 'true or false', value)

export const checkFunction = (op: string, name: string, value: unknown): void =>
  expect(op, name, typeof value === 'function', 'a function', value)

export function checkText(op: string, name: string, value: unknown): asserts value is string {
  expect(op, name, typeof value === 'string', 'a string', value)
}

/** Could be the name of a file; the empty string would be the working directory to some functions. */
export const isPath = (x: unknown): x is string =>
  typeof x === 'string' && x !== '' && !x.includes('\0')

export const checkPath = (op: string, name: string, value: unknown): void =>
  expect(op, name, isPath(value), 'a path', value)

export const checkStrings = (op: string, name: string, value: unknown): void =>
  expect(
    op,
    name,
    isListOf(value, (x) => typeof x === 'string'),
    'a list of strings',
    value,
  )

/** A list or a typed array of numbers, of this length if one is given. */
export function checkNumbers(op: string, name: string, value: unknown, length?: number): void {
  const valid = isNumberArray(value)
    ? !isGone(value)
    : isListOf(value, (x) => typeof x === 'number')
  const count = (value as ArrayLike<number>)?.length
  const words = length === undefined ? 'numbers' : `${length} numbers`
  expect(op, name, valid && (length === undefined || count === length), `a list of ${words}`, value)
}

/** An array without holes whose entries are all valid. */
export function isListOf(value: unknown, valid: (entry: unknown) => boolean): boolean {
  if (!Array.isArray(value)) return false
  for (let i = 0; i < value.length; ++i) if (!valid(value[i])) return false
  return true
}

/** Throws `ERR_ARGUMENT` unless it is an AbortSignal or none. */
export const checkSignal = (op: string, signal: unknown): void =>
  expect(
    op,
    'signal',
    signal === undefined || signal === null || isAbortSignal(signal),
    'an AbortSignal',
    signal,
  )

/** Throws `ERR_ABORTED` where a signal, checked before, has: between two awaits of a long call. */
export function checkGoing(op: string, signal: AbortSignalLike | null | undefined): void {
  if (signal?.aborted)
    throw new RnnativeError('ERR_ABORTED', `[${op}] aborted`, { cause: signal.reason })
}

/** Names, as they complete "expected". */
export const oneOf = (names: readonly string[]): string =>
  names.length === 2 ? `'${names[0]}' or '${names[1]}'` : `one of ${names.join(', ')}`

/** One of a few names. */
export const checkChoice = (
  op: string,
  name: string,
  value: unknown,
  names: readonly string[],
): void => expect(op, name, names.includes(value as string), oneOf(names), value)

/** All names of the options `T`: the compiler tells when one is missing. */
export type Names<T> = Readonly<Record<keyof T & string, true>>

/**
 * The options themselves, once it is sure that they are an object which holds no other names: `ERR_ARGUMENT` says
 * which one it may have been meant for.
 */
export function optionsOf<T extends object>(op: string, given: T, names: Names<T>): T {
  checkNames(op, given, names)
  return given
}

/** The same of names in a list or an object. `prefix`: of the names, such as `encoder.`. */
export function checkNames(
  op: string,
  given: unknown,
  names: Readonly<Record<string, unknown>>,
  prefix = '',
): void {
  if (!isObject(given) || isView(given))
    expect(op, prefix === '' ? 'options' : prefix.slice(0, -1), false, 'an object', given)
  for (const name in given as object) {
    if (Object.hasOwn(names, name)) continue
    if ((given as Record<string, unknown>)[name] === undefined) continue
    const known = Object.keys(names)
    const meant = nearest(name, known)
    const hint =
      meant === undefined ? `expected ${known.join(', ') || 'none'}` : `did you mean ${meant}?`
    throw new RnnativeError('ERR_ARGUMENT', `[${op}] ${prefix}${name}: is no option here; ${hint}`)
  }
}
