/**
 * All commands. Each one's code, and the addon with it, is loaded when it runs: help is instant, and
 * `doctor` works where the addon does not.
 */
import { Command, Help, type Option } from 'commander'
import { isNeeded, requireFlags } from './arguments'
import { addAutoencoder } from './commands/autoencoder'
import { addKeywords } from './commands/baseline'
import { addBench } from './commands/bench'
import { addBuild } from './commands/build'
import { addClassify } from './commands/classify'
import { addConvert } from './commands/convert'
import { addDialogue } from './commands/dialogue'
import { addDoctor } from './commands/doctor'
import { addEmbed } from './commands/embed'
import { addForecast } from './commands/forecast'
import { addLanguageModel } from './commands/language'
import { addNgram } from './commands/ngram'
import { addReport } from './commands/report'
import { addSeq2Seq } from './commands/seq2seq'
import { addServe } from './commands/serve'
import { addSummarize } from './commands/summarize'
import { addTagger } from './commands/tagger'
import { addWatch } from './commands/watch'
import { nearest } from '../nearest'
import { packageVersion } from './version'

/** Help's words for a flag. */
function describeOption(this: Help, option: Option): string {
  const text = Help.prototype.optionDescription.call(this, option)
  return isNeeded(option) ? `${text} (needed)` : text
}

/** A command that runs by itself says of a word that none of its commands has what those say that do not. */
function refuseUnknown(program: Command, command: Command): void {
  const word = program.args[1]
  const { commands, registeredArguments } = command
  if (commands.length === 0 || registeredArguments.length > 0) return
  const known = ['help', ...commands.map((one) => one.name())]
  if (word === undefined || word.startsWith('-') || known.includes(word)) return
  const meant = nearest(word, known)
  const hint = meant === undefined ? '' : ` (Did you mean ${meant}?)`
  command.error(`error: unknown command '${word}'${hint}`, { code: 'commander.unknownCommand' })
}

export function makeProgram(): Command {
  const program = new Command('rnnative')
    .description('Train and run recurrent networks at the speed of the hardware')
    .version(packageVersion())
    .exitOverride()
    // A command that has commands does not take their flags for its own.
    .enablePositionalOptions()
    .configureHelp({ optionDescription: describeOption })
    // An error is one line, with what may have been meant.
    .configureOutput({ outputError: (text, write) => write(text.replace(/\n\(/g, ' (')) })
    .hook('preSubcommand', refuseUnknown)
    .hook('preAction', (_, command) => requireFlags(command))
  addDoctor(program)
  addBuild(program)
  addBench(program)
  addLanguageModel(program)
  addNgram(program)
  addSeq2Seq(program)
  addAutoencoder(program)
  addDialogue(program)
  addClassify(program)
  addEmbed(program)
  addForecast(program)
  addKeywords(program)
  addTagger(program)
  addSummarize(program)
  addServe(program)
  addWatch(program)
  addReport(program)
  addConvert(program)
  return program
}
