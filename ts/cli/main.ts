#!/usr/bin/env node
/** The `rnnative` command. */
import { CommanderError } from 'commander'
import { heedOutput } from './output'
import { makeProgram } from './program'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2

/** One line; the code is for those who look it up. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  const message = error.message.split('\n')[0] ?? ''
  return typeof code === 'string' ? `${message} (${code})` : message
}

async function main(): Promise<void> {
  heedOutput()
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
