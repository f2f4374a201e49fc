import { checkWhole, isListOf, whole, type Names } from '../check'
import { expect } from '../errors'
import { isGone, isInt32Array } from '../kinds'
import type { StepModel } from './step-model'

/** What any way of decoding may be told about its results. */
export interface LimitOptions {
  /** Tokens before the end is allowed, the prefix included. Default 0. */
  minLength?: number | undefined
  /** Most tokens of a result, the end not counted: for all sources, or for each. Default 200. */
  maxLength?: number | readonly number[] | undefined
  /** Tokens each source's results begin with; null or none: free. */
  prefixes?: readonly (ArrayLike<number> | null)[] | undefined
  /** Tokens that are never chosen, such as `<unk>`. A prefix may still hold them. */
  forbidden?: readonly number[] | undefined
}

export const LIMIT_NAMES: Names<LimitOptions> = {
  ...{ minLength: true, maxLength: true, prefixes: true, forbidden: true },
}

export interface Limits {
  readonly minLength: number
  readonly maxLengths: readonly number[]
  readonly prefixes: readonly Int32Array[]
  readonly forbidden: readonly number[]
}

const tokenList = (values: unknown): values is ArrayLike<number> =>
  Array.isArray(values) || (isInt32Array(values) && !isGone(values))

/** A list of tokens of the vocabulary, the end not among them. */
export function checkTokens(op: string, name: string, model: StepModel, values: unknown): void {
  const { vocabulary, eos } = model
  const valid = (id: unknown) => whole(id, 0) && id < vocabulary && id !== eos
  const expected = `tokens in 0..${vocabulary - 1} but the end's ${eos}`
  expect(op, name, tokenList(values) && Array.from(values).every(valid), expected, values)
}

export function checkLimits(op: string, model: StepModel, options: LimitOptions): Limits {
  const { minLength = 0, maxLength = 200, prefixes, forbidden = [] } = options
  const { sources } = model
  checkWhole(op, 'minLength', minLength, 0)
  const expected = `whole numbers of at least 1, one or ${sources}`
  const maxLengths = Array.isArray(maxLength)
    ? (maxLength as readonly number[])
    : Array.from({ length: sources }, () => maxLength as number)
  const valid = maxLengths.length === sources && isListOf(maxLengths, (n) => whole(n, 1))
  expect(op, 'maxLength', valid, expected, maxLength)
  const least = maxLengths.reduce((some, n) => Math.min(some, n), Infinity)
  expect(op, 'minLength', minLength <= least, `at most the maxLength of ${least}`, minLength)
  checkTokens(op, 'forbidden', model, forbidden)
  const never = new Set(minLength > 0 ? [...forbidden, model.eos] : forbidden)
  const left = never.size < model.vocabulary
  expect(op, 'forbidden', left, 'a token to be left, or the end with a minLength of 0', forbidden)
  const perSource = Array.isArray(prefixes) && prefixes.length === sources
  const given = prefixes === undefined ? new Array<null>(sources).fill(null) : prefixes
  expect(op, 'prefixes', prefixes === undefined || perSource, `${sources} lists`, prefixes)
  const starts = Array.from(given, (prefix, i) => {
    const most = maxLengths[i] as number
    checkTokens(op, `prefixes[${i}]`, model, prefix ?? [])
    const count = prefix?.length ?? 0
    expect(op, `prefixes[${i}]`, count <= most, `at most the maxLength of ${most} tokens`, prefix)
    return Int32Array.from(prefix ?? [])
  })
  return { minLength, maxLengths, prefixes: starts, forbidden }
}
