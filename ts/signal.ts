/**
 * An `AbortSignal`, as far as it is needed here: of any realm, and for those who compile without the types of Node or
 * of browsers.
 */
export interface AbortSignalLike {
  /** Whether it was. */
  readonly aborted: boolean
  /** Why. */
  readonly reason: unknown
  /** Calls `listener` once it is aborted. */
  addEventListener(type: 'abort', listener: () => void): void
  /** Does so no more. */
  removeEventListener(type: 'abort', listener: () => void): void
}
