import { expect } from './errors'

/** Neither null nor a list. */
export const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && !Array.isArray(x)

export const whole = (x: unknown, least: number): x is number =>
  Number.isSafeInteger(x) && (x as number) >= least

/** Could be the name of a file; the empty string would be the working directory to some functions. */
export const isPath = (x: unknown): x is string =>
  typeof x === 'string' && x !== '' && !x.includes('\0')

export const checkPath = (op: string, name: string, value: unknown): void =>
  expect(op, name, isPath(value), 'a path', value)

export function checkWhole(op: string, name: string, value: unknown, least: number): void {
  expect(op, name, whole(value, least), `a whole number of at least ${least}`, value)
}

export function checkPositive(op: string, name: string, value: unknown): void {
  const valid = typeof value === 'number' && value >= 0 && value < Infinity
  expect(op, name, valid, 'a number of at least 0', value)
}
