#!/usr/bin/env node
/**
 * The `rnnative` command. Each command's code, and the addon with it, is loaded when it runs: help is
 * instant, and `doctor` works where the addon does not.
 */
import { Command, CommanderError } from 'commander'
import { addBench } from './commands/bench'
import { addDoctor } from './commands/doctor'
import { addLanguageModel } from './commands/language'
import { addSeq2Seq } from './commands/seq2seq'
import { packageVersion } from './version'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2

function makeProgram(): Command {
  const program = new Command('rnnative')
    .description('Train and run recurrent networks at the speed of the hardware')
    .version(packageVersion())
    .exitOverride()
    .showSuggestionAfterError(false)
  addDoctor(program)
  addBench(program)
  addLanguageModel(program)
  addSeq2Seq(program)
  return program
}

/** One line; the code is for those who look it up. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  const message = error.message.split('\n')[0] ?? ''
  return typeof code === 'string' ? `${message} (${code})` : message
}

async function main(): Promise<void> {
  // A reader that has gone, as in `rnnative ... | head`, is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
  try {
    await makeProgram().parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
      return
    }
    process.stderr.write(`error: ${describe(error)}\n`)
    process.exitCode = EXIT_FAILURE
  }
}

void main()
