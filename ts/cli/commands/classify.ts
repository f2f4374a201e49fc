/** Commands that say which labels texts have. The models are loaded when a command runs. */
import type { Command } from 'commander'
import type { Labelled } from '../../data/labelled'
import { RnnativeError } from '../../errors'
import { classifierFitOptions, classifierOptions } from '../../models/classifier/options'
import { DOCUMENT_MERGES, labels } from '../../models/classifier/options'
import type { Prediction } from '../../models'
import type { ClassifiedText } from '../../report'
import { choice, count, text, type Made } from '../../schema'
import { addFlags, file, json, model, savedPrecision, takeFlags, type Flags } from '../arguments'
import { holdsOut, validationSplit } from '../held-out'
import { labelledFlags, readLabelledInput } from '../labelled'
import { printScore } from '../score'
import { addBaseline } from './baseline'
import { addTrain } from './train'

const UNITS = ['word', 'char', 'bpe', 'space'] as const

const dataFlags = {
  ...labelledFlags,
  valid: file('table to validate with after each epoch'),
  validationSplit: validationSplit('by label'),
  labels: { ...labels, required: false, optional: true, fallbackText: 'those of the data, sorted' },
  unit: choice(UNITS, { about: 'what a token is; needed without --pretrained' }),
  vocabulary: count({ about: 'most tokens', defaultText: '8,000 of bpe, else 50,000' }),
  minCount: count({ about: 'occurrences that make a token', defaultText: '2, of space 1' }),
  vectors: file(
    'vectors that words begin with, of word2vec, GloVe or fastText; --groups embedding:frozen keeps them',
  ),
  pretrained: text({
    about: 'a language model or an autoencoder whose tokens, embeddings and layers are begun with',
    argument: '<dir>',
  }),
}

const evaluateFlags = {
  model,
  ...labelledFlags,
  report: file('write a page: figures, confusion, the worst errors (.html)'),
  precision: savedPrecision,
  json,
}

/** Errors that a report tells. */
const WORST = 50

const predictFlags = {
  model,
  top: count({ about: 'print so many labels with their probabilities, by tabs' }),
  document: choice(DOCUMENT_MERGES, {
    about:
      'take lines for documents, by their sentences: means of probabilities, weighed by TF-IDF, or votes',
    defaultText: 'lines are taken whole',
  }),
  precision: savedPrecision,
  json,
}

export function addClassify(program: Command): void {
  const classify = program
    .command('classify')
    .description('labels of texts: sentiment, topics and the like')
  addTrain(classify, {
    about: 'learn labelled texts of a table; Ctrl-C writes a checkpoint and stops',
    data: dataFlags,
    model: classifierOptions,
    fit: classifierFitOptions,
    validation: '--valid or --validation-split',
    validates: ({ valid, validationSplit }) => holdsOut(validationSplit, valid, '--valid'),
    async begin(data, options, fit) {
      const { TextClassifier } = await import('../../models/index.js')
      const { splitExamples } = await import('../../data/split.js')
      const all = await readLabelledInput(data.data, data)
      const { validationSplit: share = 0 } = data
      const { learned, heldOut } =
        share > 0
          ? splitExamples(all, share, { seed: options.seed })
          : { learned: all, heldOut: undefined }
      const validation =
        data.valid === undefined ? heldOut : await readLabelledInput(data.valid, data)
      const begun = await beginning(learned, data)
      const { labels = await labelsOf(all) } = data
      const fields = data.textColumn?.length
      const model = new TextClassifier({ ...options, ...begun, labels, fields })
      await begun.pretrained?.dispose()
      return { model, run: model.fit(learned, { ...fit, validation }) }
    },
  })
  addFlags(
    classify.command('eval').description('compare predicted labels with those of a table'),
    evaluateFlags,
  ).action((flags: Flags) => evaluate(takeFlags(evaluateFlags, flags)))
  addFlags(
    classify
      .command('predict')
      .description('stdin to stdout, a line for each line; fields are parted by tabs'),
    predictFlags,
  ).action((flags: Flags) => predict(takeFlags(predictFlags, flags)))
  addBaseline(classify)
}

const labelsOf = async (examples: readonly Labelled[]): Promise<string[]> =>
  (await import('../../models/classifier/reading.js')).labelsFor(examples)

/** What a unit of a command line is called by a tokenizer. */
const CALLED = { word: 'word', char: 'character', bpe: 'bpe', space: 'whitespace' } as const

/** The tokenizer, and what the network begins with. */
async function beginning(
  examples: readonly Labelled[],
  { unit, vocabulary, minCount, vectors, pretrained }: Made<typeof dataFlags>,
) {
  if (pretrained !== undefined) {
    for (const [flag, value] of Object.entries({ vectors, vocabulary, 'min-count': minCount }))
      if (value !== undefined)
        throw new RnnativeError('ERR_ARGUMENT', `--${flag}: expected none with --pretrained`)
    const { loadPretrained } = await import('../../models/index.js')
    const loaded = await loadPretrained(pretrained)
    const own = loaded.tokenizer.unit
    if (unit !== undefined && CALLED[unit] !== own)
      throw new RnnativeError('ERR_ARGUMENT', `--unit: expected ${own} as of --pretrained`)
    return { tokenizer: loaded.tokenizer, pretrained: loaded }
  }
  if (unit === undefined)
    throw new RnnativeError('ERR_ARGUMENT', '--unit: expected one where there is no --pretrained')
  const { tokenizerFor } = await import('../../models/classifier/reading.js')
  const tokenizer = await tokenizerFor(examples, { unit, vocabulary, minCount })
  if (vectors === undefined) return { tokenizer, pretrained: undefined }
  const { readVectors } = await import('../../io/vectors.js')
  const read = await readVectors(vectors, { words: tokenizer.tokens })
  return { tokenizer, vectors: read, embedding: read.size, pretrained: undefined }
}

async function evaluate(flags: Made<typeof evaluateFlags>): Promise<void> {
  const { loadClassifier } = await import('../../models/index.js')
  const { printJson } = await import('../../watch/output.js')
  if (flags.report !== undefined) await (await import('../../io/files.js')).tryFile(flags.report)
  const examples = await readLabelledInput(flags.data, flags)
  await using classifier = await loadClassifier(flags.model, { precision: flags.precision })
  const score = await classifier.evaluate(examples)
  if (flags.report !== undefined) {
    const { writeClassification } = await import('../../report/index.js')
    const made = await classifier.predict(examples.map(({ text }) => text))
    const texts = worst(examples, made)
    await writeClassification(flags.report, { title: flags.data, score, texts })
  }
  if (flags.json) printJson(score)
  else printScore(score)
}

async function predict(flags: Made<typeof predictFlags>): Promise<void> {
  const { chunksOfLines } = await import('../texts.js')
  const { loadClassifier } = await import('../../models/index.js')
  const { printJson } = await import('../../watch/output.js')
  await using classifier = await loadClassifier(flags.model, { precision: flags.precision })
  const { fields } = classifier
  const { top, document } = flags
  for await (const lines of chunksOfLines(process.stdin)) {
    const texts = fields === 1 ? lines : lines.map((line) => fieldsOf(line, fields))
    for (const made of await classifier.predict(texts, { top, document }))
      if (flags.json) printJson(made)
      else process.stdout.write(`${lineOf(made, flags.top)}\n`)
  }
}

/** Wrong answers, those first that gave the actual label least; of several labels, that which is least likely. */
function worst(examples: readonly Labelled[], made: readonly Prediction[]): ClassifiedText[] {
  const all = examples.map(({ text, label }, i): ClassifiedText => {
    const { label: likeliest, labels, probabilities, attention } = made[i] as Prediction
    const actual = ([] as string[]).concat(label)
    const given = actual.map((one) => probabilities.find(({ label }) => label === one)?.probability)
    const probability = given.reduce<number>((least, p = 0) => Math.min(least, p), 1)
    return { text, actual: label, predicted: labels ?? likeliest, probability, attention }
  })
  const wrong = all.filter(({ actual, predicted }) => {
    const [a, b] = [actual, predicted].map((one) => ([] as string[]).concat(one).sort().join('\n'))
    return a !== b
  })
  return wrong.sort((a, b) => a.probability - b.probability).slice(0, WORST)
}

/** What a line lacks is empty; what it has more belongs to the last field. */
function fieldsOf(line: string, fields: number): string[] {
  const parts = line.split('\t')
  const last = parts.slice(fields - 1).join('\t')
  return [...Array.from({ length: fields - 1 }, (_, i) => parts[i] ?? ''), last]
}

function lineOf({ label, labels, probabilities }: Prediction, top: number | undefined): string {
  if (top === undefined) return labels ? labels.join('\t') : label
  return probabilities
    .map(({ label, probability }) => `${label}\t${probability.toFixed(6)}`)
    .join('\t')
}
