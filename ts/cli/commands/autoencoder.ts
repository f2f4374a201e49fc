/** Commands of autoencoders. The models are loaded when a command runs. */
import type { Command } from 'commander'
import { autoencoderOptions } from '../../models/autoencoder/options'
import { seq2seqFitOptions } from '../../models/seq2seq/options'
import { choice, count, type Made } from '../../schema'
import {
  addFlags,
  file,
  inferencePrecision,
  json,
  model,
  neededFile,
  takeFlags,
} from '../arguments'
import type { Flags } from '../arguments'
import { holdOutEvenly, holdsOut, validationSplit } from '../held-out'
import { addTrain } from './train'

const UNITS = ['word', 'char', 'bpe', 'space'] as const

const { references: _, ...fitRows } = seq2seqFitOptions.rows
const text = neededFile('a text on each line, gzip allowed; - is standard input')

const dataFlags = {
  text,
  valid: file('texts to validate with after each epoch'),
  validationSplit: validationSplit('taken evenly'),
  unit: choice(UNITS, { about: 'what a token is', required: true }),
  vocabulary: count({ about: 'most tokens', defaultText: '8,000 of bpe, else 50,000' }),
}

const evaluateFlags = { model, text, precision: inferencePrecision, json }

export function addAutoencoder(program: Command): void {
  const autoencoder = program
    .command('autoencoder')
    .description('what texts are made of, learned without labels, for a classifier to begin with')
  addTrain(autoencoder, {
    about: 'learn to repeat texts; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: autoencoderOptions,
    fit: { rows: fitRows },
    validation: '--valid or --validation-split',
    validates: ({ valid, validationSplit }) => holdsOut(validationSplit, valid, '--valid'),
    async begin({ unit, vocabulary, validationSplit: share = 0, ...paths }, options, fit) {
      const { Autoencoder } = await import('../../models/index.js')
      const { checkInputs, makeTokenizer, readTextLines } = await import('../texts.js')
      checkInputs(paths.text, paths.valid)
      const texts = await readTextLines(paths.text)
      const { learned, heldOut } = share > 0 ? holdOutEvenly(texts, share) : { learned: texts }
      const validation = paths.valid === undefined ? heldOut : await readTextLines(paths.valid)
      const tokenizer = await makeTokenizer(unit, learned, vocabulary)
      const model = new Autoencoder({ ...options, tokenizer })
      return { model, run: model.fit(learned, { ...fit, validation }) }
    },
  })
  const about = 'score what is to be written of each text'
  addFlags(autoencoder.command('eval').description(about), evaluateFlags).action((flags: Flags) =>
    evaluate(takeFlags(evaluateFlags, flags)),
  )
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { Autoencoder } = await import('../../models/index.js')
  const { readTextLines } = await import('../texts.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const texts = await readTextLines(flags.text)
  await using autoencoder = await Autoencoder.load(flags.model, { precision: flags.precision })
  const { nats, perplexity, tokens } = await autoencoder.evaluate(texts)
  if (flags.json) return printJson({ nats, perplexity, tokens })
  printTable({ nats: nats.toFixed(4), perplexity: perplexity.toFixed(3), tokens })
}
