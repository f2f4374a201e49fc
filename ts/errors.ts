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

export interface RnnativeErrorOptions {
  /** Machine-readable facts, such as `{ step, norm, learningRate }`. */
  details?: Readonly<Record<string, unknown>> | undefined
  cause?: unknown
}

/**
 * Every error rnnative throws or rejects with. `message` has the form
 * `[lstm] weight_hh_l0: expected [2048, 512], got [2048, 256]`.
 */
export class RnnativeError extends Error {
  override readonly name = 'RnnativeError'
  readonly code: ErrorCode
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

/** Throws `ERR_ARGUMENT` unless it is an AbortSignal or none. */
export const checkSignal = (op: string, signal: unknown): void =>
  expect(op, 'signal', !signal || signal instanceof AbortSignal, 'an AbortSignal', signal)

const show = (value: unknown): string =>
  Array.isArray(value) || ArrayBuffer.isView(value)
    ? `[${String(value)}]`
    : typeof value === 'string'
      ? JSON.stringify(value)
      : typeof value === 'object' && value !== null
        ? 'an object'
        : String(value)

/** The addon throws plain Errors with a `code`; anything else passes through unchanged. */
export function convertNativeError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RnnativeError) return error
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
    if (!(result instanceof Promise)) return result
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
