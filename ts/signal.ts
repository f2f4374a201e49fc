/**
 * An `AbortSignal`, as far as it is needed here: of any realm, and for those who compile without the types of Node or
 * of browsers.
 */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}
