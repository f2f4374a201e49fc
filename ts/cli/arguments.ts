/** Values of command-line flags. A wrong one is a usage error: one line on stderr, exit code 2. */
import { InvalidArgumentError, Option } from 'commander'

const parseNumber = (text: string, valid: (value: number) => boolean, expected: string): number => {
  const value = text.trim() === '' ? NaN : Number(text)
  if (!valid(value)) throw new InvalidArgumentError(`Expected ${expected}.`)
  return value
}

export const count = (text: string): number =>
  parseNumber(text, (n) => Number.isSafeInteger(n) && n >= 1, 'a whole number above 0')

export const wholeNumber = (text: string): number =>
  parseNumber(text, (n) => Number.isSafeInteger(n) && n >= 0, 'a whole number of at least 0')

export const positive = (text: string): number =>
  parseNumber(text, (n) => n > 0 && n < Infinity, 'a number above 0')

export const atLeastZero = (text: string): number =>
  parseNumber(text, (n) => n >= 0 && n < Infinity, 'a number of at least 0')

export const fraction = (text: string): number =>
  parseNumber(text, (n) => n >= 0 && n < 1, 'a number of at least 0, below 1')

export const probability = (text: string): number =>
  parseNumber(text, (n) => n > 0 && n <= 1, 'a number above 0, at most 1')

/** A flag whose value is one of a few names. */
export const choice = (flags: string, description: string, names: readonly string[]): Option =>
  new Option(flags, description).choices(names)

export const CELLS = ['lstm', 'gru', 'rnn'] as const

export const precisionOption = (description = 'what to multiply in'): Option =>
  choice('--precision <name>', description, ['f32', 'bf16'])

export const deviceOption = (names: readonly string[]): Option =>
  choice('--device <name>', 'where to compute', names).default('cpu')

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads of the engine').argParser(count)

export const jsonOption = (): Option => new Option('--json', 'print JSON')
