import { checkFunction } from '../check'
import { RnnativeError } from '../errors'
import { isMap, isPlain, isPromise } from '../kinds'

interface Disposable {
  dispose(): void
}

const isDisposable = (value: object): value is Disposable =>
  typeof (value as Partial<Disposable>).dispose === 'function'

/** The innermost open scope's resources; null outside of any. */
let current: Set<Disposable> | null = null

/** @internal Hands a new resource to the innermost scope. */
export function track(resource: Disposable): void {
  current?.add(resource)
}

/** @internal Forgets a resource that was disposed early. */
export function untrack(resource: Disposable): void {
  current?.delete(resource)
}

/** Removes from `made` what a result holds: a tensor, or arrays, maps and plain objects of them. */
function keep(result: unknown, made: Set<Disposable>, outer: Set<Disposable> | null): void {
  if (typeof result !== 'object' || result === null) return
  if (isDisposable(result)) {
    if (made.delete(result)) outer?.add(result)
  } else if (isMap(result) || Array.isArray(result)) {
    for (const entry of result.values()) keep(entry, made, outer)
  } else if (isPlain(result)) {
    for (const entry of Object.values(result)) keep(entry, made, outer)
  }
}

/**
 * Runs `body` and disposes every tensor made inside, except those in its result: a tensor, or an
 * array, map or plain object that holds some. Scopes nest; what an inner one returns belongs to the
 * outer one. Parameters of modules belong to their module, never to a scope.
 *
 * `body` must be synchronous (`ERR_ARGUMENT` if it returns a promise): ops enqueue at once, so await
 * values outside: `const loss = scope(() => …); await loss.item()`.
 */
export function scope<T>(body: () => T): T {
  checkFunction('scope', 'body', body)
  const outer = current
  const made = new Set<Disposable>()
  current = made
  try {
    const result = body()
    if (isPromise(result)) {
      result.then(undefined, () => undefined)
      throw new RnnativeError('ERR_ARGUMENT', '[scope] expected a synchronous function')
    }
    keep(result, made, outer)
    return result
  } finally {
    current = outer
    for (const resource of made) resource.dispose()
  }
}
