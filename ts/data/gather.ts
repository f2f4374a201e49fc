/** What is given one by one, at once or over time, as a list. */
import { expect } from '../errors'
import { isSource } from '../kinds'
import { Pauses } from '../pauses'

export type Given<T> = Iterable<T> | AsyncIterable<T>

/** Lists are copied at the call: the caller may change them while they are read. */
export const own = <T>(given: T): T => (Array.isArray(given) ? (given.slice() as T) : given)

/**
 * All of them; `check` throws for one that is none, and is told its place. `ERR_ARGUMENT` for what is not iterable, with
 * `kind` for what was expected.
 */
export async function gather<T>(
  op: string,
  name: string,
  given: Given<T>,
  kind: string,
  check: (one: T, index: number) => void,
): Promise<T[]> {
  expect(op, name, typeof given !== 'string' && isSource(given), `an iterable of ${kind}`, given)
  const all: T[] = []
  const pauses = new Pauses()
  for await (const one of given) {
    check(one, all.length)
    all.push(one)
    if (pauses.due) await pauses.pause()
  }
  return all
}
