/**
 * An option is written once, as a row of its schema. From the row come its TypeScript type, its default,
 * its check, its place in `config.json` and its flag on the command line. Schemas load without the addon.
 */
import { checkNames, isObject, isPath, oneOf, whole } from './check'
import { expect } from './errors'
import { numberOf } from './named'

/** A row: `Given` is what a user may write, `Made` what it is with every choice made. */
export interface Row<Given = unknown, Made = unknown> {
  /** What it is, for help: a few words without a full stop. */
  readonly about: string
  /** What a value must be; completes "expected". */
  readonly expected: string
  /** The same of a command line, where it has other words. */
  readonly words?: string
  readonly valid: (value: unknown) => boolean
  /** The value unless given; `before`: the rows above, `own`: of a group those above in it. */
  readonly fallback: (before: object, own: object) => unknown
  /** Whether it must be given. */
  readonly required: boolean
  /** Whether it may be left without a value. */
  readonly optional: boolean
  /** Help's words for a default that is computed; undefined: the default itself. */
  readonly fallbackText: string | undefined
  /** What stood for it before there was this option, for a `config.json` without it. */
  readonly formerly: unknown
  /** The flag's name where it is not the option's own; null: it has none. */
  readonly flag: string | null | undefined
  /** How help calls a value, such as `<n>`; null: a flag that is there or not. */
  readonly argument: string | null
  /** The values, where they are a few names. */
  readonly names: readonly string[] | undefined
  /** What the words of a command line say; checked by `valid` afterwards. */
  readonly read: (text: string) => unknown
  /** The rows of a group. */
  readonly rows?: Rows | undefined
  /** Where it counts; it counts everywhere unless given. */
  readonly only?: Only | undefined
  /** For the compiler alone. */
  readonly types?: { given: Given; made: Made } | undefined
}

/**
 * Where an option counts: what must be there, completing "none without", and whether it is. Elsewhere another value
 * than the default is refused: it would be ignored.
 */
export type Only = readonly [where: string, counts: (made: never) => boolean]

export type Rows = Readonly<Record<string, Row>>

/** Options as a user gives them: any may be left out. */
export type Given<R extends Rows> = {
  -readonly [K in keyof R]?: (R[K] extends Row<infer G> ? G : never) | undefined
}

/** Options with every choice made. */
export type Made<R extends Rows> = {
  -readonly [K in keyof R]: R[K] extends Row<unknown, infer M> ? M : never
}

/** What the builders of rows take. */
export interface Settings<T> {
  about: string
  /** The value unless given, or how it comes from the rows above (and, in a group, those above in it). */
  default?: T | ((before: never, own: never) => T)
  /** Help's words for a default that is computed. */
  defaultText?: string
  /** It must be given. */
  required?: true
  formerly?: T
  flag?: string | null
  /** How help calls a value. */
  argument?: string
  only?: Only
}

/** Of whole numbers: the largest, where more would run until memory ends. */
interface Most {
  most?: number
}

/** undefined is among the values where there is no default, and none is needed. */
type MadeOf<T, S> = S extends { default: unknown } | { required: true } ? T : T | undefined

interface Kind {
  expected: string
  valid: (value: unknown) => boolean
  argument: string | null
  read: (text: string) => unknown
  /** `expected`, where a command line has it otherwise. */
  words?: string
  names?: readonly string[]
}

function row<T, S extends Settings<T>>(kind: Kind, settings: S): Row<T, MadeOf<T, S>> {
  const { about, default: fallback, defaultText, formerly, flag, argument, only } = settings
  const { required = false } = settings
  return {
    names: undefined,
    ...kind,
    ...{ about, formerly, flag, fallbackText: defaultText, required, only },
    optional: fallback === undefined && !required,
    argument: argument ?? kind.argument,
    fallback:
      typeof fallback === 'function'
        ? (fallback as (before: object, own: object) => unknown)
        : () => fallback,
  }
}

const wholeFrom = <S extends Settings<number> & Most>(
  least: number,
  words: string,
  settings: S,
) => {
  const { most = Infinity } = settings
  return row<number, S>(
    {
      expected: most === Infinity ? words : `a whole number from ${least} to ${most}`,
      valid: (value) => whole(value, least) && value <= most,
      argument: '<n>',
      read: numberOf,
    },
    settings,
  )
}

/** A whole number above 0. */
export const count = <S extends Settings<number> & Most>(settings: S) =>
  wholeFrom(1, 'a whole number above 0', settings)

/** A whole number of at least 0. */
export const wholeNumber = <S extends Settings<number> & Most>(settings: S) =>
  wholeFrom(0, 'a whole number of at least 0', settings)

const real = <S extends Settings<number>>(
  expected: string,
  valid: (value: number) => boolean,
  settings: S,
) =>
  row<number, S>(
    {
      expected,
      valid: (value) => typeof value === 'number' && valid(value),
      argument: '<x>',
      read: numberOf,
    },
    settings,
  )

/** A number above 0, `Infinity` included. */
export const positive = <S extends Settings<number>>(settings: S) =>
  real('a number above 0', (value) => value > 0, settings)

/** A number of at least 0; `Infinity` is none. */
export const atLeastZero = <S extends Settings<number>>(settings: S) =>
  real('a number of at least 0', (value) => value >= 0 && value < Infinity, settings)

/** A number in [0, 1), such as a share that is dropped. */
export const fraction = <S extends Settings<number>>(settings: S) =>
  real('a number in [0, 1)', (value) => value >= 0 && value < 1, { argument: '<p>', ...settings })

/** A number in (0, 1]. */
export const probability = <S extends Settings<number>>(settings: S) =>
  real('a number in (0, 1]', (value) => value > 0 && value <= 1, { argument: '<p>', ...settings })

/** One of a few names. */
export const choice = <const N extends readonly string[], S extends Settings<N[number]>>(
  names: N,
  settings: S,
) =>
  row<N[number], S>(
    {
      expected: oneOf(names),
      valid: (value) => names.includes(value as string),
      argument: '<name>',
      read: (text) => text,
      names,
    },
    settings,
  )

/** True or false. */
export const flag = <S extends Settings<boolean>>(settings: S) =>
  row<boolean, S>(
    {
      expected: 'true or false',
      valid: (value) => typeof value === 'boolean',
      argument: null,
      read: () => true,
    },
    settings,
  )

/** A string. */
export const text = <S extends Settings<string>>(settings: S) =>
  row<string, S>(
    {
      expected: 'a string',
      valid: (value) => typeof value === 'string',
      argument: '<text>',
      read: (words) => words,
    },
    settings,
  )

/** The path of a file or a directory. */
export const path = <S extends Settings<string>>(settings: S) =>
  row<string, S>(
    { expected: 'a path', valid: isPath, argument: '<file>', read: (words) => words },
    settings,
  )

/** Any other value, with its own check and its own way to be written on a command line. */
export const custom =
  <T>() =>
  <S extends Settings<T>>(kind: Omit<Kind, 'names'>, settings: S) =>
    row<T, S>(kind, settings)

/**
 * Options that belong together: an object of their own. Flags bear the group's name before theirs. `formerly`: what
 * stood for it before there was this group.
 */
export const group = <R extends Rows>(
  rows: R,
  about: string,
  formerly?: Given<R>,
): Row<Given<R>, Made<R>> => ({
  ...row<Given<R>, { about: string }>(
    { expected: 'an object', valid: isObject, argument: null, read: () => ({}) },
    { about },
  ),
  ...{ rows, formerly, optional: false, types: undefined },
})

/** Refuses a value that does not go with others unless `valid`: "[op] name: expected ..., got ...". */
export type Refuse = (name: string, valid: boolean, expected: string, got: unknown) => void

const textOf = (value: unknown): string | undefined => JSON.stringify(value)

/** Options with another value than they would have, where they do not count. */
export function idle(rows: Rows, made: object): [name: string, where: string][] {
  const found: [string, string][] = []
  for (const [name, { only, fallback }] of Object.entries(rows)) {
    const value = (made as Record<string, unknown>)[name]
    if (only === undefined || value === undefined || only[1](made as never)) continue
    if (textOf(value) !== textOf(fallback(made, made))) found.push([name, only[0]])
  }
  return found
}

/** The options of one call or constructor; `op` names it in errors. */
export class Schema<R extends Rows> {
  constructor(
    readonly op: string,
    readonly rows: R,
    /** Checks of options against each other. */
    private readonly rules: (options: Made<R>, refuse: Refuse) => void = () => undefined,
  ) {}

  /**
   * Fills in defaults; `ERR_ARGUMENT` names a value that makes no sense, and what is no option. `others`: names
   * that `given` may hold besides; null of a larger object, whose names were checked before.
   */
  resolve(given: Given<R>, others: readonly string[] | null = []): Made<R> {
    const also = others && Object.fromEntries(others.map((name) => [name, true]))
    if (also) checkNames(this.op, given, { ...this.rows, ...also })
    const made = this.fill(this.rows, given, '', null) as Made<R>
    this.rules(made, (...check) => expect(this.op, ...check))
    for (const [name, where] of idle(this.rows, made))
      expect(this.op, name, false, `none without ${where}`, made[name as keyof typeof made])
    return made
  }

  private fill(rows: Rows, given: object, prefix: string, around: object | null): object {
    const made: Record<string, unknown> = {}
    for (const [name, row] of Object.entries(rows)) {
      const own = (given as Record<string, unknown>)[name]
      const path = prefix + name
      const found = own === undefined && !row.rows ? row.fallback(around ?? made, made) : own
      // What may be left without a value is there only where it was given.
      if (found === undefined && row.optional) continue
      const inner: unknown = found === undefined && row.rows ? {} : found
      expect(this.op, path, row.valid(inner), row.expected, inner)
      if (row.rows) checkNames(this.op, inner, row.rows, `${path}.`)
      made[name] = row.rows ? this.fill(row.rows, inner as object, `${path}.`, made) : found
    }
    return made
  }
}
