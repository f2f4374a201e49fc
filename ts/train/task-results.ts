/** What the functions of an own task may give. One that is async gives a promise, which nobody awaits here. */
import { isObject } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isPromise } from '../kinds'
import { Tensor } from '../tensor'
import type { Totals } from './totals'

const fail = (name: string, expected: string, got: string) =>
  new RnnativeError('ERR_ARGUMENT', `[fit] ${name}: expected ${expected}, got ${got}`)

function checkObject(name: string, expected: string, given: unknown): void {
  if (isPromise(given))
    throw fail(name, `a synchronous function that gives ${expected}`, 'one that gives a promise')
  const valid = isObject(given) && !(given instanceof Tensor)
  const got = given instanceof Tensor ? 'a tensor' : show(given)
  if (!valid) throw fail(name, `a function that gives ${expected}`, got)
}

const isReal = (x: unknown): boolean => x instanceof Tensor && x.size === 1 && x.dtype !== 'i32'

/** Throws `ERR_ARGUMENT` unless it is `{ sum, count }`, scalars that a gradient may flow from. */
export function checkLoss(result: { sum: unknown; count: unknown; penalties?: object }): void {
  checkObject('loss', '{ sum, count }', result)
  const { sum, count, penalties = {} } = result
  expect('fit', 'loss: sum', isReal(sum), 'a scalar tensor of reals', sum)
  expect('fit', 'loss: penalties', isObject(penalties), 'scalar tensors by name', penalties)
  for (const [name, penalty] of Object.entries(penalties as object))
    expect('fit', `loss: penalties.${name}`, isReal(penalty), 'a scalar tensor of reals', penalty)
  const valid = isReal(count) || (typeof count === 'number' && count >= 0 && count < Infinity)
  expect('fit', 'loss: count', valid, 'a number of at least 0 or a scalar tensor of reals', count)
}

const isScalar = (x: unknown): boolean =>
  typeof x === 'number' || (x instanceof Tensor && x.size === 1)

export function checkMeasures(measures: Readonly<Record<string, unknown>>): void {
  checkObject('measures', '{ sum, count } by name', measures)
  for (const [name, measure] of Object.entries(measures)) {
    const { sum, count } = (measure ?? {}) as { sum?: unknown; count?: unknown }
    for (const [part, value] of Object.entries({ sum, count }))
      expect(
        'fit',
        `measures: ${name}.${part}`,
        isScalar(value),
        'a number or a scalar tensor',
        value,
      )
  }
}

/** `rows`: of each tensor, where they are known. */
export function checkCarried(name: 'carried' | 'loss: carry', given: object, rows?: number): void {
  const form = `[layers, ${rows ?? 'rows'}, features]`
  checkObject(name, `tensors ${form} by name`, given)
  for (const [of, value] of Object.entries(given) as [string, unknown][]) {
    if (value === undefined) continue
    const fits =
      value instanceof Tensor && value.dims === 3 && value.shape[1] === (rows ?? value.shape[1])
    const got = value instanceof Tensor ? [...value.shape] : value
    expect('fit', `${name}.${of}`, fits, `a tensor ${form}`, got)
  }
}

/** Of `validate`, a function: that of the loss must be among them. */
export function checkTotals(totals: Totals): void {
  checkObject('validate', '{ loss: { sum, count } }', totals)
  for (const [name, total] of Object.entries({ loss: undefined, ...totals })) {
    const { sum, count } = (total ?? {}) as { sum?: unknown; count?: unknown }
    for (const [part, value] of Object.entries({ sum, count }))
      expect('fit', `validate: ${name}.${part}`, typeof value === 'number', 'a number', value)
  }
}

export function checkFigures(given: Readonly<Record<string, unknown>>): void {
  checkObject('summary', 'numbers by name', given)
  for (const [name, value] of Object.entries(given))
    expect('fit', `summary: ${name}`, typeof value === 'number', 'a number', value)
}
