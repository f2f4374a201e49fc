/** Names of parameters, chosen by a pattern. */
import { types } from 'node:util'

/**
 * A part of a name, in which `*` stands for any characters; a regular expression; or a function that says
 * whether a name is meant.
 */
export type Pattern = string | RegExp | ((name: string) => boolean)

export const PATTERN_FORMS = 'a part of a name, a regular expression or a function'

export const isPattern = (pattern: unknown): pattern is Pattern =>
  (typeof pattern === 'string' && pattern !== '') ||
  typeof pattern === 'function' ||
  types.isRegExp(pattern)

/** What tells whether a name is meant. */
export function matcherOf(pattern: Pattern): (name: string) => boolean {
  if (typeof pattern === 'function') return pattern
  if (typeof pattern !== 'string') return (name) => name.search(pattern) >= 0
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const expression = new RegExp(pattern.split('*').map(literal).join('.*'), 's')
  return (name) => expression.test(name)
}
