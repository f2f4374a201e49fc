/** Values of command-line flags. A wrong one is a usage error: one line on stderr, exit code 2. */
import { InvalidArgumentError, Option, type Command } from 'commander'

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

const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad']
const SCHEDULES = ['constant', 'step', 'exponential', 'plateau', 'inverse-sqrt', 'cosine']

/** The flags that tell how to train and for how long: `RunFlags`. */
export const addRunFlags = (command: Command): Command =>
  command
    .addOption(choice('--optimizer <name>', 'optimizer', OPTIMIZERS).default('adam'))
    .option('--learning-rate <x>', 'default: as suits the optimizer', positive)
    .addOption(choice('--schedule <name>', 'of the learning rate', SCHEDULES).default('constant'))
    .option('--clip-norm <x>', 'largest norm of the gradient', positive, 1)
    .option(
      '--epochs <n>',
      'passes over the text (default: 10, unlimited with --max-seconds)',
      count,
    )
    .option('--max-seconds <s>', 'stop after so much training, validation not counted', positive)
    .option('--patience <n>', 'stop after so many validations without a new best', count)
    .option('--seed <n>', 'of weights, dropout and order', wholeNumber, 1)
    .addOption(threadsOption())
    .addOption(deviceOption(['cpu', 'cuda', 'auto']))
    .addOption(precisionOption().default('f32'))
    .requiredOption('--checkpoint <dir>', 'where checkpoints go; also the directory of the model')
    .option('--checkpoint-every <n>', 'steps between checkpoints (default: each epoch)', count)
    .option('--resume', "continue from the directory's latest checkpoint, if it has one", false)
    .addOption(jsonOption())

// For commands that load a model.

export const savedPrecisionOption = (): Option =>
  precisionOption('what to multiply in (default: as in training)')

const SAVED_MODEL = 'a saved model or a checkpoint directory (its best is taken)'

export const modelOption = (): Option =>
  new Option('--model <dir>', SAVED_MODEL).makeOptionMandatory()
