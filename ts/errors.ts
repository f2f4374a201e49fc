import { isError, isPromise, isView } from './kinds'

/** What went wrong, for programs. The message says it for people. */
export type ErrorCode =
  | 'ERR_SHAPE'
  | 'ERR_DTYPE'
  | 'ERR_DEVICE'
  | 'ERR_INDEX'
  | 'ERR_ARGUMENT'
  | 'ERR_DISPOSED'
  | 'ERR_UNINITIALIZED'
  | 'ERR_UNSUPPORTED'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_INTERNAL'
  /** Autograd: no gradient is recorded here, or its graph has been freed. */
  | 'ERR_GRAPH'
  /** A tensor was modified after an op saved it for its gradient. */
  | 'ERR_STALE'
  | 'ERR_BUSY'
  | 'ERR_ABORTED'
  | 'ERR_NONFINITE'
  | 'ERR_FORMAT'
  | 'ERR_IO'
  | 'ERR_EMPTY'

/** What an error bears besides its code and message. */
export interface RnnativeErrorOptions {
  /** Machine-readable facts, such as `{ step, norm, learningRate }`. */
  details?: Readonly<Record<string, unknown>> | undefined
  /** What it came from. */
  cause?: unknown
}

/**
 * Every error rnnative throws or rejects with. `message` has the form
 * `[lstm] weight_hh_l0: expected [2048, 512], got [2048, 256]`.
 */
export class RnnativeError extends Error {
  /** Always `RnnativeError`. */
  override readonly name = 'RnnativeError'
  /** What went wrong, in one word: see the guide to errors. */
  readonly code: ErrorCode
  /** What a program may want to know of it, by name; it depends on the code. */
  declare readonly details?: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: RnnativeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    if (options.details !== undefined) this.details = options.details
  }
}

/** Throws `ERR_ARGUMENT`, "[op] name: expected ..., got ...", unless `valid`. */
export function expect(
  op: string,
  name: string,
  valid: boolean,
  expected: string,
  got: unknown,
): void {
  if (valid) return
  throw new RnnativeError('ERR_ARGUMENT', `[${op}] ${name}: expected ${expected}, got ${show(got)}`)
}

/** Entries of a list that are told. */
const SHOWN = 16

/** A name as a message tells it, without quotation marks, or what is in place of one. */
export const told = (name: unknown): string => (typeof name === 'string' ? name : show(name))

/** A value as a message tells it, whatever it is. */
export function show(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (isPromise(value)) return 'a promise'
  if (!Array.isArray(value) && !isView(value)) return 'an object'
  const { length } = value as Partial<ArrayLike<unknown>>
  if (length === undefined) return 'a DataView'
  const told = Array.from({ length: Math.min(length, SHOWN) }, (_, i) => {
    const entry = (value as ArrayLike<unknown>)[i]
    return typeof entry === 'string'
      ? entry.slice(0, 80)
      : Array.isArray(entry)
        ? `[${entry.length} entries]`
        : show(entry)
  })
  const kind = isView(value) ? `${(value as Int8Array)[Symbol.toStringTag]} ` : ''
  return `${kind}[${told.join(',')}${length > SHOWN ? `, … ${length} in all` : ''}]`
}

/** The addon throws plain Errors with a `code`; anything else passes through unchanged. */
export function convertNativeError(error: unknown): unknown {
  if (!isError(error) || error instanceof RnnativeError) return error
  const { code } = error as { code?: unknown }
  if (typeof code !== 'string' || !code.startsWith('ERR_')) return error
  return new RnnativeError(code as ErrorCode, error.message)
}

type Callable = (...args: unknown[]) => unknown

function guardCall(call: Callable): Callable {
  return function guarded(...args) {
    let result: unknown
    try {
      result = call(...args)
    } catch (error) {
      const converted = convertNativeError(error)
      if (converted instanceof RnnativeError) Error.captureStackTrace(converted, guarded)
      throw converted
    }
    if (!isPromise(result)) return result
    return result.catch((error: unknown) => {
      throw convertNativeError(error)
    })
  }
}

/** The same functions, throwing and rejecting with {@link RnnativeError}. */
export function guardNative<T extends object>(addon: T): T {
  const guarded: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(addon))
    guarded[name] = typeof value === 'function' ? guardCall(value as Callable) : value
  return guarded as T
}
