/** Commands of language models. The models are loaded when a command runs. */
import type { Command } from 'commander'
import { languageFitOptions, languageOptions } from '../../models/language/options'
import { choice, count } from '../../schema'
import type { Made } from '../../schema'
import {
  addFlags,
  file,
  generation,
  inferencePrecision,
  json,
  model,
  neededFile,
  takeFlags,
} from '../arguments'
import type { Flags } from '../arguments'
import { holdOutEnd, holdsOut, validationSplit } from '../held-out'
import { addTrain } from './train'

const UNITS = ['char', 'word', 'byte', 'space', 'bpe'] as const

const dataFlags = {
  text: neededFile('text to learn, gzip allowed; - is standard input'),
  valid: file('text to validate with after each epoch'),
  validationSplit: validationSplit('the end of the text'),
  unit: choice(UNITS, { about: 'what a token is', required: true }),
  vocabulary: count({ about: 'most tokens', defaultText: '8,000 of bpe, else 50,000' }),
}

const evaluateFlags = {
  model,
  text: neededFile('text to score, gzip allowed; - is standard input'),
  precision: inferencePrecision,
  json,
}

const generateFlags = {
  model,
  ...generation,
  precision: inferencePrecision,
}

export function addLanguageModel(program: Command): void {
  const lm = program.command('lm').description('language models')
  addTrain(lm, {
    about: 'learn a text; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: languageOptions,
    fit: languageFitOptions,
    validation: '--valid or --validation-split',
    validates: ({ valid, validationSplit }) => holdsOut(validationSplit, valid, '--valid'),
    async begin({ unit, vocabulary, validationSplit: share = 0, ...paths }, options, fit) {
      const { LanguageModel } = await import('../../models/index.js')
      const { checkInputs, makeTokenizer, readInput } = await import('../texts.js')
      checkInputs(paths.text, paths.valid)
      const text = await readInput(paths.text, unit)
      const { learned, heldOut } = share > 0 ? holdOutEnd(text, share) : { learned: text }
      const validation = paths.valid === undefined ? heldOut : await readInput(paths.valid, unit)
      const texts = typeof learned === 'string' ? [learned] : []
      const tokenizer = await makeTokenizer(unit, texts, vocabulary)
      const model = new LanguageModel({ ...options, tokenizer })
      return { model, run: model.fit(learned, { ...fit, validation }) }
    },
  })
  addFlags(
    lm.command('eval').description('score every token of a text but the first'),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
  addFlags(lm.command('generate').description('continue a prompt'), generateFlags).action(
    (flags: Flags) => generate(takeFlags(generateFlags, flags)),
  )
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { LanguageModel } = await import('../../models/index.js')
  const { readInput } = await import('../texts.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  await using lm = await LanguageModel.load(flags.model, { precision: flags.precision })
  const unit = lm.tokenizer.unit === 'byte' ? 'byte' : 'char'
  const score = await lm.evaluate(await readInput(flags.text, unit))
  if (flags.json) return printJson(score)
  printTable({
    nats: score.nats.toFixed(4),
    perplexity: score.perplexity.toFixed(3),
    'bits per token': score.bitsPerToken.toFixed(4),
    'bits per character': score.bitsPerCharacter.toFixed(4),
    tokens: score.tokens,
  })
}

async function generate(flags: Made<typeof generateFlags>): Promise<void> {
  const { model, prompt, precision, ...options } = flags
  const { LanguageModel } = await import('../../models/index.js')
  await using lm = await LanguageModel.load(model, { precision })
  process.stdout.write(prompt)
  for await (const piece of lm.generate(prompt, options)) process.stdout.write(piece)
  process.stdout.write('\n')
}
