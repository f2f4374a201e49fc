/** Commands of models that turn sequences into sequences. They are loaded when a command runs. */
import type { Command } from 'commander'
import type { Pair, Source } from '../../data'
import { RnnativeError } from '../../errors'
import { seq2seqFitOptions, seq2seqOptions } from '../../models/seq2seq/options'
import type { TiedEmbeddings } from '../../models/seq2seq/options'
import { choice, count, type Made } from '../../schema'
import type { Tokenizer } from '../../text'
import { addFlags, file, json, model, neededFile, inferencePrecision } from '../arguments'
import { readFlags, takeFlags } from '../arguments'
import type { Flags } from '../arguments'
import { holdOutEvenly, holdsOut, validationSplit } from '../held-out'
import { addTrain } from './train'
import { addTranslate, models, searchFlags, withModels } from './translate'

const UNITS = ['word', 'char', 'bpe', 'space'] as const

const source = neededFile(
  'a source on each line, gzip allowed; - is standard input. Vectors: JSON Lines with source and target, which --target is, too',
)

const dataFlags = {
  source,
  target: neededFile('its target, or several separated by tabs'),
  validSource: file('pairs to validate with after each epoch'),
  validTarget: file('their targets'),
  validationSplit: validationSplit('taken evenly'),
  unit: choice(UNITS, { about: 'what a token is', required: true }),
  sourceUnit: choice(UNITS, { about: 'of sources, if not --unit' }),
  vocabulary: count({ about: 'most tokens of a side', defaultText: '8,000 of bpe, else 50,000' }),
}

const evaluateFlags = {
  model: models,
  source,
  target: neededFile('its reference, or several separated by tabs'),
  metric: choice(['bleu', 'chrf', 'ter', 'per', 'exact'], {
    ...{ about: 'what to measure', required: true },
  }),
  tokenize: choice(['13a', 'none'], { about: 'of bleu', default: '13a' }),
  ...searchFlags,
  precision: inferencePrecision,
  json,
}

/** What `--metric` is among the metrics. */
const MEASURES = {
  bleu: 'bleu',
  chrf: 'chrf',
  ter: 'ter',
  per: 'tokenErrorRate',
  exact: 'exactMatch',
} as const

const scoreFlags = {
  model,
  source,
  target: neededFile('its target, or several separated by tabs'),
  precision: inferencePrecision,
  json,
}

export function addSeq2Seq(program: Command): void {
  const seq2seq = program
    .command('seq2seq')
    .description('sequence to sequence: translation, pronunciation and the like')
  addTrain(seq2seq, {
    about: 'learn pairs of lines; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: seq2seqOptions,
    fit: seq2seqFitOptions,
    validation: '--valid-source and --valid-target, or --validation-split',
    validates({ validSource, validTarget, validationSplit }) {
      if ((validSource === undefined) !== (validTarget === undefined))
        throw new RnnativeError('ERR_ARGUMENT', '--valid-source and --valid-target go together')
      return holdsOut(validationSplit, validSource, '--valid-source')
    },
    async begin(data, options, fit) {
      const { Seq2Seq } = await import('../../models/index.js')
      const { checkInputs, readPairInput } = await import('../texts.js')
      const { validSource, validTarget } = data
      checkInputs(...new Set([data.source, data.target]), ...new Set([validSource, validTarget]))
      const { validationSplit: share = 0 } = data
      const pairs = await readPairInput(data.source, data.target)
      const { learned, heldOut } = share > 0 ? holdOutEvenly(pairs, share) : { learned: pairs }
      const validation =
        validSource !== undefined && validTarget !== undefined
          ? await readPairInput(validSource, validTarget)
          : heldOut
      const tokenizers = await readersOf(learned, data, options.tieEmbeddings)
      const model = new Seq2Seq({ ...options, ...tokenizers })
      return { model, run: model.fit(learned, { ...fit, validation }) }
    },
  })
  addTranslate(seq2seq)
  addFlags(seq2seq.command('eval').description('translate and compare'), evaluateFlags).action(
    (flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)),
  )
  const about = 'the log-probability of each target, given its source'
  addFlags(seq2seq.command('score').description(about), scoreFlags).action((flags: Flags) =>
    score(takeFlags(scoreFlags, flags)),
  )
}

/** The tokenizers, or the size of vectors and the target's. */
async function readersOf(
  pairs: readonly Pair<Source>[],
  flags: Made<typeof dataFlags>,
  tied: TiedEmbeddings | undefined,
) {
  const { makeTokenizer } = await import('../texts.js')
  const texts = pairs.filter((pair): pair is Pair => typeof pair[0] === 'string')
  if (texts.length === pairs.length) return makeTokenizers(texts, flags, tied)
  const vectors = pairs.flatMap(([source]) => (typeof source === 'string' ? [] : [source]))
  const first = vectors.find(({ length }) => length > 0)?.[0] as ArrayLike<number> | undefined
  const targets = pairs.flatMap(([, target]) => target)
  return {
    sourceFeatures: first?.length ?? 1,
    target: await makeTokenizer(flags.unit, targets, flags.vocabulary),
  }
}

/** One tokenizer of both sides where all embeddings are tied, else one for each. */
async function makeTokenizers(
  pairs: readonly Pair[],
  { unit, sourceUnit = unit, vocabulary }: Made<typeof dataFlags>,
  tied: TiedEmbeddings | undefined,
): Promise<{ source: Tokenizer; target: Tokenizer }> {
  const { makeTokenizer } = await import('../texts.js')
  const sources = pairs.map(([source]) => source)
  const targets = pairs.flatMap(([, target]) => target)
  if (tied !== 'all')
    return {
      source: await makeTokenizer(sourceUnit, sources, vocabulary),
      target: await makeTokenizer(unit, targets, vocabulary),
    }
  if (sourceUnit !== unit)
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `--tie-embeddings all needs one unit on both sides, got ${sourceUnit} and ${unit}`,
    )
  const both = await makeTokenizer(unit, [...sources, ...targets], vocabulary)
  return { source: both, target: both }
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { readPairInput } = await import('../texts.js')
  const { measure } = await import('../../metrics/index.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const { source, target, metric, tokenize } = flags
  const pairs = await readPairInput(source, target)
  const texts = await withModels(flags, async (translator) => {
    const sources = pairs.map(([one]) => one)
    return (await translator.translate(sources, readFlags(searchFlags, flags))).map(
      ({ text }) => text,
    )
  })
  const references = pairs.map(([, reference]) => reference)
  const options = metric === 'bleu' ? { tokenize } : {}
  const { score, ...more } = await measure(MEASURES[metric], texts, references, options)
  if (flags.json) return printJson({ metric, score, ...more })
  printTable({ [metric]: score.toFixed(2), ...more })
}

/** A line for each target: its log-probability in nats and how many tokens it has, the end included. */
async function score(flags: Made<typeof scoreFlags>): Promise<void> {
  const { readPairInput } = await import('../texts.js')
  const { Seq2Seq } = await import('../../models/index.js')
  const { printJson } = await import('../../watch/output.js')
  const pairs = await readPairInput(flags.source, flags.target)
  await using translator = await Seq2Seq.load(flags.model, { precision: flags.precision })
  const each = pairs.flatMap(([one, targets]): Pair<Source>[] =>
    (typeof targets === 'string' ? [targets] : targets).map((text): Pair<Source> => [one, text]),
  )
  const scores = await translator.score(each)
  scores.forEach(({ logProbability, logProbabilities }, i) => {
    const [from, to] = each[i] as Pair<Source>
    if (flags.json)
      printJson({
        ...{ source: from, target: to, logProbability },
        logProbabilities: Array.from(logProbabilities),
      })
    else process.stdout.write(`${logProbability.toFixed(6)}\t${logProbabilities.length}\n`)
  })
}
