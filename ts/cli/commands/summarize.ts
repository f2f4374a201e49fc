/** Commands that summarise documents. The models are loaded when a command runs. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { isListOf, isObject } from '../../check'
import type { Summarized } from '../../data/summaries'
import { RnnativeError } from '../../errors'
import { nearest } from '../../nearest'
import type { RougeScore } from '../../metrics'
import type { SummaryDocument } from '../../models'
import { abstractiveFitOptions, abstractiveOptions } from '../../models/abstractive/options'
import { summariserFitOptions, summariserOptions } from '../../models/summariser/options'
import { RANK_METHODS, type RankMethod } from '../../models/summariser/rank'
import { choice, count, flag, text, type Made } from '../../schema'
import { addFlags, atLeastOne, file, json, neededFile, refuseFlags } from '../arguments'
import { savedPrecision, takeFlags, type Flags } from '../arguments'
import { addTrain } from './train'

const data = neededFile(
  'table of documents and summaries: JSON Lines, where both may be lists, or CSV; gzip allowed',
)
const columns = {
  textColumn: text({ about: 'column of the document', argument: '<name>', default: 'text' }),
  summaryColumn: text({ about: 'column of its summary', argument: '<name>', default: 'summary' }),
}

const chosenBy = {
  method: text({
    about: `what sentences are chosen by: ${RANK_METHODS.join(', ')}, or the directory of a trained model of either kind`,
    ...{ argument: '<name|dir>', required: true },
  }),
  sentences: count({ about: 'sentences of a summary, where they are chosen', defaultText: '1' }),
  beam: count({
    ...{ about: 'hypotheses of a model that writes summaries', defaultText: '4' },
  }),
  maxLength: count({ about: 'most tokens of what it writes', defaultText: '100' }),
  precision: savedPrecision,
}

const summarizeFlags = {
  ...chosenBy,
  textColumn: text({
    about: 'lines are JSON objects, of which this is the document: a text, or a list of sentences',
    ...{ argument: '<name>', defaultText: 'lines are texts' },
  }),
  json,
}

const evaluateFlags = {
  ...chosenBy,
  data,
  ...columns,
  stem: flag({ about: 'compare English words by their stems (needs stemmer)', default: false }),
  json,
}

const learnedFlags = {
  data,
  ...columns,
  valid: file('table to validate with after each epoch'),
  vocabulary: count({ about: 'most tokens', defaultText: '20,000' }),
}

const trainFlags = {
  ...learnedFlags,
  minCount: count({ about: 'occurrences that make a token', defaultText: '3' }),
}

const pointerFlags = {
  ...learnedFlags,
  unit: choice(['word', 'space'], { about: 'what a token is', default: 'word' }),
  minCount: count({
    about: 'occurrences that make a token; what occurs less often is copied',
    defaultText: '2',
  }),
}

export function addSummarize(program: Command): void {
  const summarize = program
    .command('summarize')
    .description(
      'summaries of documents, by their own sentences or written: a line out for each line in',
    )
    .enablePositionalOptions()
  addFlags(summarize, summarizeFlags).action((flags: Flags) =>
    run(takeFlags(summarizeFlags, flags)),
  )
  addTrain(summarize, {
    about: 'learn which sentences make a summary; Ctrl-C writes a checkpoint and stops',
    data: trainFlags,
    model: summariserOptions,
    fit: summariserFitOptions,
    validation: '--valid',
    validates: ({ valid }) => valid !== undefined,
    async begin({ data, valid, vocabulary, minCount, ...columns }, options, fit) {
      const { Summariser } = await import('../../models/index.js')
      const examples = await readExamples(data, columns)
      const validation = valid === undefined ? null : await readExamples(valid, columns)
      const model = await Summariser.for(examples, { ...options, vocabulary, minCount })
      return { model, run: model.fit(examples, { ...fit, validation }) }
    },
  })
  addTrain(summarize, {
    name: 'pointer',
    about: 'learn to write summaries, copying words (pointer-generator); Ctrl-C stops as of train',
    data: pointerFlags,
    model: abstractiveOptions,
    fit: abstractiveFitOptions,
    validation: '--valid',
    validates: ({ valid }) => valid !== undefined,
    async begin({ data, valid, unit, vocabulary, minCount, ...columns }, options, fit) {
      const { AbstractiveSummariser } = await import('../../models/index.js')
      const examples = await readExamples(data, columns)
      const validation = valid === undefined ? null : await readExamples(valid, columns)
      const tokens = { unit, vocabulary, minCount }
      const model = await AbstractiveSummariser.for(examples, { ...options, ...tokens })
      return { model, run: model.fit(examples, { ...fit, validation }) }
    },
  })
  addFlags(
    summarize.command('eval').description('ROUGE-1, 2 and L of summaries, in percent'),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
}

const readExamples = async (
  path: string,
  { textColumn, summaryColumn }: Made<typeof columns>,
): Promise<Summarized[]> => {
  const { readSummaries } = await import('../../data/summaries.js')
  return atLeastOne(path, await readSummaries(path, { text: textColumn, summary: summaryColumn }))
}

async function run(flags: Made<typeof summarizeFlags>): Promise<void> {
  const { chunksOfLines } = await import('../texts.js')
  const { printJson } = await import('../../watch/output.js')
  const { textColumn } = flags
  await using summarizer = await openSummarizer(flags)
  let line = 0
  for await (const lines of chunksOfLines(process.stdin)) {
    const documents =
      textColumn === undefined ? lines : lines.map((one) => documentOf(one, textColumn, ++line))
    for (const made of await summarizer.summarize(documents))
      if (flags.json) printJson(made)
      else process.stdout.write(`${made.summary.replace(/\s+/gu, ' ')}\n`)
  }
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { measure } = await import('../../metrics/index.js')
  const { printJson, printTable } = await import('../../watch/output.js')
  const examples = await readExamples(flags.data, flags)
  await using summarizer = await openSummarizer(flags)
  const made = await summarizer.summarize(examples.map(({ text }) => text))
  const texts = made.map(({ summary }) => summary)
  const references = examples.map(({ summary }) => summary)
  const score = await measure('rouge', texts, references, { stem: flags.stem })
  if (flags.json) return printJson(score)
  for (const name of Object.keys(score) as (keyof RougeScore)[]) {
    const { f1, precision, recall } = score[name]
    const [f, p, r] = [f1, precision, recall].map((value) => value.toFixed(2))
    printTable({ [name]: f, precision: p, recall: r })
  }
}

interface Summarizer extends AsyncDisposable {
  summarize(documents: readonly SummaryDocument[]): Promise<{ summary: string }[]>
}

const isRank = (given: string): given is RankMethod => RANK_METHODS.includes(given as RankMethod)

async function openSummarizer({
  method,
  sentences,
  beam,
  maxLength,
  precision,
}: Made<typeof chosenBy>): Promise<Summarizer> {
  const { loadSummarizer, summarize, Summariser } = await import('../../models/index.js')
  const writing = { beam, maxLength }
  const chooses = `${method} chooses sentences`
  if (isRank(method)) {
    refuseFlags(chosenBy, { precision }, ['precision'], `expected none with ${method}`)
    refuseFlags(chosenBy, writing, ['beam', 'maxLength'], chooses)
    return {
      summarize: (documents) => summarize(documents, { method, sentences }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
  const meant = nearest(method, RANK_METHODS)
  if (meant !== undefined && !existsSync(method))
    throw new RnnativeError(
      'ERR_ARGUMENT',
      `--method: there is no directory ${method}; did you mean ${meant}?`,
    )
  const model = await loadSummarizer(method, { precision })
  if (model instanceof Summariser) {
    refuseFlags(chosenBy, writing, ['beam', 'maxLength'], chooses)
    return {
      summarize: (documents) => model.summarize(documents, { sentences }),
      [Symbol.asyncDispose]: () => model.dispose(),
    }
  }
  refuseFlags(chosenBy, { sentences }, ['sentences'], `${method} writes summaries`)
  const search = { ...(beam && { beam }), ...(maxLength && { maxLength }) }
  return {
    summarize: async (documents) =>
      (await model.summarize(documents, search)).map(({ summary, logProbability, truncated }) => ({
        ...{ summary, logProbability, truncated },
      })),
    [Symbol.asyncDispose]: () => model.dispose(),
  }
}

/** The document of a line of JSON. */
function documentOf(line: string, column: string, number: number): SummaryDocument {
  const fail = (problem: string, cause?: unknown) =>
    new RnnativeError('ERR_FORMAT', `[read] standard input: line ${number}: ${problem}`, { cause })
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch (cause) {
    throw fail(`not valid JSON: ${(cause as Error).message}`, cause)
  }
  const found = isObject(row) && Object.hasOwn(row, column) ? row[column] : undefined
  if (typeof found === 'string' || isListOf(found, (one) => typeof one === 'string'))
    return found as SummaryDocument
  throw fail(`${column}: expected a text or a list of sentences`)
}
