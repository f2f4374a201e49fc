/**
 * Flags of commands, made of rows. A wrong value is a usage error: one line on stderr, exit code 2. What
 * commands have in common is here, too.
 */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { MOST_THREADS } from '../check'
import { RnnativeError } from '../errors'
import { LINEAR_PRECISIONS } from '../precision'
import { atLeastZero, choice, count, custom, flag, probability } from '../schema'
import { Schema, text, wholeNumber } from '../schema'
import { isPicture } from '../report/suffix'
import type { Given, Made, Row, Rows } from '../schema'

/** Values by flag, as commander calls them. */
export type Flags = Readonly<Record<string, unknown>>

const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const camel = (name: string): string =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

/** A flag's name: the option's own, after the names of its groups, unless the row has another. */
const nameOf = (path: string, { flag }: Row): string => flag ?? kebab(path)

/** Options that must be given. Not commander's: it would tell that one is missing before that it is misspelt. */
const needed = new WeakSet<Option>()
export const isNeeded = (option: Option): boolean => needed.has(option)

/** Ends a command whose flags lack any that it needs, with a usage error. */
export function requireFlags(command: Command): void {
  const missing = command.options
    .filter(
      (option) => isNeeded(option) && command.getOptionValue(option.attributeName()) === undefined,
    )
    .map(({ flags }) => `'${flags}'`)
  if (missing.length > 0)
    command.error(
      `error: required option${missing.length > 1 ? 's' : ''} ${missing.join(', ')} not specified`,
    )
}

/** Says on stderr which value counts where two are given: scripts add flags to others that they were given. */
function tellSecond(command: Command, option: Option): void {
  let before: string | null = null
  command.on(`option:${option.name()}`, (value: string) => {
    if (before !== null)
      process.stderr.write(
        `note: --${option.name()} is given twice: ${value} counts, not ${before}\n`,
      )
    before = value
  })
}

/** `own`: the command's default, where it is not the row's. */
function optionOf(name: string, row: Row, own: unknown): Option {
  const words = own === undefined ? row.fallbackText : undefined
  // What is true unless told otherwise is told otherwise.
  const off = row.argument === null && row.fallback({}, {}) === true
  const does = off ? `do not ${row.about}` : row.about
  const about = words === undefined ? does : `${does} (default: ${words})`
  const flag = `--${off ? 'no-' : ''}${name}`
  const option = new Option(row.argument === null ? flag : `${flag} ${row.argument}`, about)
  if (row.names) option.choices(row.names)
  else if (row.argument !== null) option.argParser((given) => read(row, given))
  if (row.required) needed.add(option)
  const fallback = own ?? (words === undefined ? row.fallback({}, {}) : undefined)
  // That a flag is not there needs no words.
  if (!off && fallback !== undefined && fallback !== false && fallback !== '')
    option.default(fallback)
  return option
}

function read(row: Row, given: string): unknown {
  let value: unknown
  try {
    value = row.read(given)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
  if (!row.valid(value)) throw new InvalidArgumentError(`Expected ${row.words ?? row.expected}.`)
  return value
}

/** Gives a command a flag for each row; `defaults`: those that are the command's own. */
export function addFlags(command: Command, rows: Rows, defaults: Flags = {}, path = ''): Command {
  for (const [name, row] of Object.entries(rows))
    if (row.rows) addFlags(command, row.rows, {}, `${path}${kebab(name)}-`)
    else if (row.flag !== null) {
      const option = optionOf(nameOf(path + name, row), row, defaults[name])
      command.addOption(option)
      if (row.argument !== null) tellSecond(command, option)
    }
  return command
}

/** What the flags say of the rows' options. */
export function readFlags<R extends Rows>(rows: R, flags: Flags, path = ''): Given<R> {
  const given: Record<string, unknown> = {}
  for (const [name, row] of Object.entries(rows))
    given[name] = row.rows
      ? readFlags(row.rows, flags, `${path}${kebab(name)}-`)
      : flags[camel(nameOf(path + name, row))]
  return given as Given<R>
}

/** Those of a command's flags that stand on its line: what is left out is the model's choice, which may know better. */
export const givenFlags = (command: Command): Flags =>
  Object.fromEntries(
    Object.entries(command.opts()).filter(
      ([name]) => command.getOptionValueSource(name) !== 'default',
    ),
  )

/** The same with every choice made. */
export const takeFlags = <R extends Rows>(rows: R, flags: Flags): Made<R> =>
  new Schema('command line', rows).resolve(readFlags(rows, flags))

/** Throws `ERR_ARGUMENT` for those of these flags that have another value than they would have, and `why`. */
export function refuseFlags(
  rows: Rows,
  values: object,
  names: readonly string[],
  why: string,
  path = '',
): void {
  for (const name of names) {
    const value = (values as Record<string, unknown>)[name]
    const row = rows[name] as Row
    if (JSON.stringify(value) === JSON.stringify(row.fallback(values, values))) continue
    throw new RnnativeError('ERR_ARGUMENT', `--${nameOf(path + name, row)}: ${why}`)
  }
}

export const json = flag({ about: 'print JSON; a number that is not finite is null' })

export const threads = count({ about: 'threads of the engine', most: MOST_THREADS })

export const device = <const N extends readonly string[]>(names: N) =>
  choice(names, { about: 'where to compute', default: 'cpu' as N[number] })

export const precision = choice(['f32', 'bf16'], { about: 'what to multiply in', default: 'f32' })

/** Of commands that continue a prompt. */
export const generation = {
  prompt: text({ about: 'what to continue; printed first', default: '' }),
  length: wholeNumber({ about: 'tokens to generate', default: 400 }),
  temperature: atLeastZero({
    about: 'below 1 bolder, above 1 more random, 0 the likeliest',
    default: 1,
  }),
  topK: count({ about: 'choose among the k likeliest tokens', argument: '<k>' }),
  topP: probability({ about: 'choose among the likeliest tokens of this total probability' }),
  seed: wholeNumber({ about: 'the same seed writes the same text' }),
}

/** Of commands that learn a model in one go. */
export const overwriteModel = flag({
  about: 'replace the model, or the run, that the directory holds',
  default: false,
})

// For commands that load a model.

export const savedPrecision = choice(['f32', 'bf16'], {
  ...{ about: 'what to multiply in', defaultText: 'as in training' },
})
/** Of families that multiply in int8, too. */
export const inferencePrecision = choice(LINEAR_PRECISIONS, {
  ...{ about: 'what to multiply in', defaultText: 'as in training' },
})

export const model = text({
  about: 'a saved model or a checkpoint directory (its best is taken)',
  ...{ argument: '<dir>', required: true },
})

/** A picture's file: its suffix says what it is. */
export const picture = (about: string) => custom<string>()(OF_PICTURE, { about })
export const neededPicture = (about: string) =>
  custom<string>()(OF_PICTURE, { about, required: true })
const OF_PICTURE = {
  expected: 'a file that ends with .html or .svg',
  valid: (value: unknown): boolean => typeof value === 'string' && isPicture(value),
  argument: '<file>',
  read: (words: string): string => words,
}

/** The rows of a file, of which there must be any. `ERR_EMPTY`. */
export function atLeastOne<T>(path: string, rows: T[]): T[] {
  if (rows.length > 0) return rows
  throw new RnnativeError('ERR_EMPTY', `[read] ${path}: expected a row at least, got none`)
}

/** A file's path; `-` where a command says so. */
export const file = (about: string) => text({ about, argument: '<file>' })
export const neededFile = (about: string) => text({ about, argument: '<file>', required: true })
