/** Translating lines as they come, with one model or several that decide together. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Source } from '../../data'
import { RnnativeError } from '../../errors'
import type { Seq2Seq, Seq2SeqEnsemble, Translation } from '../../models'
import type { SearchTerm } from '../../decode'
import type { LinearPrecision } from '../../precision'
import type { AttentionMap } from '../../report'
import { atLeastZero, count, flag, probability, text, wholeNumber, type Made } from '../../schema'
import { addFlags, picture, inferencePrecision, takeFlags, type Flags } from '../arguments'

export const models = text({
  about: 'a saved model or a checkpoint directory; several, parted by commas, decide together',
  ...{ argument: '<dirs>', required: true },
})

/** Of a beam search. */
export const searchFlags = {
  beam: count({ about: 'hypotheses kept at a step; 1 is greedy', default: 5 }),
  lengthPenalty: atLeastZero({ about: 'exponent of ((5 + n) / 6)', default: 0 }),
  replaceUnknown: flag({
    ...{ about: 'write the source token that <unk> looked at', default: false },
  }),
}

const translateFlags = {
  model: models,
  ...searchFlags,
  nBest: count({
    about:
      'print so many: number, score and text, by tabs; where nothing is left, -Infinity and no text',
    default: 1,
  }),
  term: text({
    about: 'a language or n-gram model that has a say in the search',
    argument: '<dir>',
  }),
  termWeight: atLeastZero({ about: 'weight of its log-probabilities', default: 0.2 }),
  coveragePenalty: atLeastZero({ about: 'weight of the coverage of the source', default: 0 }),
  blockNgrams: wholeNumber({
    about: 'no n-gram of so many tokens twice; 0: no matter',
    default: 0,
  }),
  minLength: wholeNumber({ about: 'tokens before the end is allowed', default: 0 }),
  maxLength: count({ about: 'most tokens', defaultText: '50 and twice those of the source' }),
  sample: flag({ about: 'draw from the distribution instead of searching', default: false }),
  temperature: atLeastZero({ about: 'of --sample: below 1 bolder, above 1 more random' }),
  topK: count({ about: 'of --sample: choose among the k likeliest tokens', argument: '<k>' }),
  topP: probability({ about: 'of --sample: among the likeliest of this probability' }),
  seed: wholeNumber({ about: 'of --sample: the same seed writes the same' }),
  attentionPlot: picture(
    'draw the attention of the first 20 lines: .html or .svg (needs vega and vega-lite)',
  ),
  precision: inferencePrecision,
}

type TranslateFlags = Made<typeof translateFlags>

/** Flags of a search that mean nothing to `--sample`. */
const SEARCHING = [
  ...['beam', 'lengthPenalty', 'coveragePenalty', 'blockNgrams', 'replaceUnknown'],
  ...['attentionPlot', 'term', 'termWeight'],
]

/** And the other way round. */
const SAMPLING = [
  ['temperature', '--temperature'],
  ['topK', '--top-k'],
  ['topP', '--top-p'],
  ['seed', '--seed'],
] as const

const MOST_PLOTS = 20

export function addTranslate(parent: Command): void {
  const command = parent.command('translate').description('stdin to stdout, line by line')
  addFlags(command, translateFlags)
  command.options.find((option) => option.attributeName() === 'sample')?.conflicts(SEARCHING)
  command.action((flags: Flags) => translate(takeFlags(translateFlags, flags)))
}

/** Loads the models that `--model` names, one or several that decide together, for as long as `use`. */
export async function withModels<T>(
  { model: list, precision }: { model: string; precision: LinearPrecision | undefined },
  use: (translator: Seq2Seq | Seq2SeqEnsemble) => Promise<T>,
): Promise<T> {
  const { Seq2Seq, Seq2SeqEnsemble } = await import('../../models/index.js')
  // A directory may have a comma in its name.
  const directories = existsSync(list) ? [list] : list.split(',').filter(Boolean)
  if (directories.length === 0)
    throw new RnnativeError('ERR_ARGUMENT', '--model: expected a directory')
  const models: Seq2Seq[] = []
  try {
    for (const directory of directories) models.push(await Seq2Seq.load(directory, { precision }))
    const [only] = models
    return await use(models.length === 1 && only ? only : new Seq2SeqEnsemble(models))
  } finally {
    for (const model of models) await model.dispose()
  }
}

async function translate(flags: TranslateFlags): Promise<void> {
  const { chunksOfLines } = await import('../texts.js')
  const { sourceIn } = await import('../../data/vector-pairs.js')
  const { attentionPlot, sample, nBest } = flags
  if (!sample)
    for (const [name, flag] of SAMPLING)
      if (flags[name] !== undefined)
        throw new RnnativeError('ERR_ARGUMENT', `${flag}: only together with --sample`)
  if (attentionPlot !== undefined) {
    await (await import('../../report/vega.js')).loadDrawing()
    await (await import('../../io/files.js')).tryFile(attentionPlot)
  }
  const { loadTerm } = await import('../../models/load-term.js')
  const terms =
    flags.term === undefined
      ? []
      : [{ model: await loadTerm(flags.term), weight: flags.termWeight }]
  await withModels(flags, async (translator) => {
    const maps: AttentionMap[] = []
    const first = 'models' in translator ? translator.models[0] : translator
    const vectors = first?.source === null
    let [number, nothing] = [0, 0]
    for await (const lines of chunksOfLines(process.stdin)) {
      const wanted = attentionPlot !== undefined && maps.length < MOST_PLOTS
      const at = { first: number, alignments: wanted, terms }
      const sources = vectors ? vectorsIn(lines, number, sourceIn) : lines
      for (const translation of await translateChunk(translator, sources, flags, at)) {
        ++number
        if (translation.score === -Infinity) ++nothing
        print(translation, nBest, number)
        if (wanted && translation.attention) maps.push(translation.attention)
      }
    }
    if (nothing > 0)
      process.stderr.write(
        `note: ${nothing} empty lines: no text is as long as asked for and allowed\n`,
      )
    if (attentionPlot !== undefined) await plot(attentionPlot, maps.slice(0, MOST_PLOTS))
  })
}

/** Lines of JSON: a list of vectors, or an object with that as its source. `before`: lines. */
function vectorsIn(
  lines: readonly string[],
  before: number,
  sourceIn: (row: unknown, fail: (problem: string) => Error) => Source,
): Source[] {
  return lines.map((line, i) => {
    const fail = (problem: string) =>
      new RnnativeError('ERR_FORMAT', `[read] standard input: line ${before + i + 1}: ${problem}`)
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch (error) {
      throw fail(`not valid JSON: ${(error as Error).message}`)
    }
    return sourceIn(row, fail)
  })
}

function translateChunk(
  translator: Seq2Seq | Seq2SeqEnsemble,
  lines: readonly Source[],
  flags: TranslateFlags,
  { first, alignments, terms }: { first: number; alignments: boolean; terms: SearchTerm[] },
): Promise<Translation[]> {
  const { sample, nBest, temperature, topK, topP, seed, minLength, maxLength } = flags
  if (sample)
    return translator.sample(lines, {
      ...{ samples: nBest, temperature, topK, topP, seed, minLength, maxLength },
      // A line's samples do not depend on which lines came with it.
      streams: lines.map((_, i) => first + i),
    })
  const { beam, lengthPenalty, coveragePenalty, blockNgrams, replaceUnknown } = flags
  return translator.translate(lines, {
    ...{ beam, nBest, lengthPenalty, coveragePenalty, blockNgrams, replaceUnknown },
    ...{ minLength, maxLength, alignments, terms },
  })
}

/** A text of a line each; with several for a source its number, the score and the text. */
function print({ text, nBest }: Translation, count: number, number: number): void {
  const line = (one: string) => one.replace(/[\r\n]+/g, ' ')
  if (count === 1) process.stdout.write(`${line(text)}\n`)
  else
    for (const candidate of nBest)
      process.stdout.write(`${number}\t${candidate.score.toFixed(4)}\t${line(candidate.text)}\n`)
}

async function plot(path: string, maps: readonly AttentionMap[]): Promise<void> {
  const { drawAttention, writeFigures } = await import('../../report/index.js')
  if (maps.length === 0)
    throw new RnnativeError('ERR_EMPTY', '--attention-plot: expected a line to draw, got none')
  const figures = []
  for (const map of path.toLowerCase().endsWith('.svg') ? maps.slice(0, 1) : maps)
    figures.push({ svg: await drawAttention(map) })
  await writeFigures(path, 'Attention', figures)
}
