/**
 * All commands. Each one's code, and the addon with it, is loaded when it runs: help is instant, and
 * `doctor` works where the addon does not.
 */
import { Command } from 'commander'
import { addBench } from './commands/bench'
import { addDoctor } from './commands/doctor'
import { addLanguageModel } from './commands/language'
import { addSeq2Seq } from './commands/seq2seq'
import { packageVersion } from './version'

export function makeProgram(): Command {
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
