/** Commands of the classical baselines. The models are loaded when a command runs. */
import type { Command } from 'commander'
import { fastTextFitOptions, fastTextOptions } from '../../models/embeddings/classifier-options'
import { maxEntOptions, naiveBayesOptions, tfIdfOptions } from '../../models/baselines/options'
import type { Classifier } from '../../models'
import { choice, count, path, type Made, type Row, type Rows } from '../../schema'
import { addFlags, file, json, overwriteModel, readFlags, takeFlags } from '../arguments'
import type { Flags } from '../arguments'
import { labelledFlags, readLabelledInput } from '../labelled'
import { printScore } from '../score'

/** Rows whose defaults are those of the model that is chosen. */
const withoutDefaults = <R extends Rows>(rows: R): R =>
  Object.fromEntries(
    Object.entries(rows).map(([name, row]): [string, Row] => [
      name,
      { ...row, optional: true, fallback: () => undefined, fallbackText: fallbackOf(row) },
    ]),
  ) as R

function fallbackOf({ fallback, fallbackText }: Row): string | undefined {
  if (fallbackText !== undefined) return fallbackText
  const value = fallback({}, {})
  return value === false || value === undefined ? undefined : String(value as string | number)
}

const modelRows = {
  ...withoutDefaults({ ...naiveBayesOptions.rows, ...maxEntOptions.rows }),
  weighting: {
    ...withoutDefaults({ weighting: naiveBayesOptions.rows.weighting }).weighting,
    fallbackText: 'counts, of max-ent tf-idf',
  },
}

const baselineFlags = {
  kind: choice(['naive-bayes', 'max-ent'], { about: 'the model', required: true }),
  ...labelledFlags,
  valid: file('table to evaluate the model on'),
  checkpoint: path({ about: 'where to save the model', argument: '<dir>', required: true }),
  overwrite: overwriteModel,
  json,
}

const { kind: _, ...fastTextData } = baselineFlags
const fastTextFlags = { ...fastTextData, ...fastTextOptions.rows, ...fastTextFitOptions.rows }

const keywordFlags = {
  top: count({ about: 'key words of a file', default: 10 }),
  analyzer: tfIdfOptions.rows.analyzer,
  ngrams: { ...tfIdfOptions.rows.ngrams, fallback: () => [1] },
  json,
}

export function addBaseline(classify: Command): void {
  const command = classify
    .command('baseline')
    .description('learn a table by naive Bayes or maximum entropy, in one go')
  addFlags(addFlags(command, baselineFlags), modelRows).action((flags: Flags) =>
    learn(takeFlags(baselineFlags, flags), readFlags(modelRows, flags)),
  )
  const fastText = classify
    .command('fasttext')
    .description("learn a table by fastText's classifier: a mean of vectors of words and n-grams")
  addFlags(fastText, fastTextFlags).action((flags: Flags) =>
    learnFastText(takeFlags(fastTextFlags, flags)),
  )
}

async function learnFastText(flags: Made<typeof fastTextFlags>): Promise<void> {
  const { FastTextClassifier } = await import('../../models/index.js')
  const { setThreads } = await import('../threads.js')
  const { epochs, lr, threads, seed, unit, dim, minCount, ngrams, ...others } = flags
  const { minPart, maxPart, buckets } = others
  const options = { seed, unit, dim, minCount, ngrams, minPart, maxPart, buckets }
  await setThreads(threads)
  await using model = new FastTextClassifier(options)
  await tryDestination(flags)
  const run = model.fit(await readLabelledInput(flags.data, flags), { epochs, lr, threads })
  await report(flags, model, { ...(await run) })
}

async function learn(flags: Made<typeof baselineFlags>, options: object): Promise<void> {
  const { MaxEnt, NaiveBayes } = await import('../../models/index.js')
  const model = flags.kind === 'max-ent' ? new MaxEnt(options) : new NaiveBayes(options)
  await tryDestination(flags)
  await report(flags, model, { ...(await model.fit(await readLabelledInput(flags.data, flags))) })
}

const tryDestination = async ({
  checkpoint,
  overwrite,
}: Made<typeof fastTextData>): Promise<void> => {
  const { tryModelDirectory } = await import('../../io/model-directory.js')
  await tryModelDirectory(checkpoint, overwrite)
}

/** Saves what was learned, and tells it, with how well it does on other examples. */
async function report(
  flags: Made<typeof fastTextData>,
  model: Pick<Classifier, 'evaluate'> & { save(directory: string): Promise<void> },
  fit: Readonly<Record<string, number | string | null>>,
): Promise<void> {
  const { printJson, printTable } = await import('../../watch/output.js')
  await model.save(flags.checkpoint)
  const { valid } = flags
  const score =
    valid === undefined ? null : await model.evaluate(await readLabelledInput(valid, flags))
  if (flags.json) return printJson({ ...fit, ...(score && { validation: score }) })
  printTable(
    Object.fromEntries(Object.entries(fit).map(([name, value]) => [name, value ?? 'none'])),
  )
  if (score) printScore(score)
}

export function addKeywords(program: Command): void {
  const command = program
    .command('keywords')
    .description(
      'the words that tell most of each file, by TF-IDF beside the other files; of one file, over its lines',
    )
    .argument('<files...>', 'texts, gzip allowed; - is standard input')
  addFlags(command, keywordFlags).action((files: string[], flags: Flags) =>
    keywords(files, takeFlags(keywordFlags, flags)),
  )
}

async function keywords(files: readonly string[], flags: Made<typeof keywordFlags>): Promise<void> {
  const { TfIdf } = await import('../../models/index.js')
  const { checkInputs, readInput } = await import('../texts.js')
  const { printJson } = await import('../../watch/output.js')
  const { linesOf } = await import('../../text/read.js')
  checkInputs(...files)
  const { analyzer, ngrams, top } = flags
  const texts: string[][] = []
  for (const one of files) texts.push(await linesOf((await readInput(one, 'char')) as string))
  const tfIdf = new TfIdf({ analyzer, ngrams })
  const lines = () => texts.flat().filter((line) => line.trim() !== '')
  await tfIdf.fit(texts.length > 1 ? texts : lines())
  const all = await tfIdf.keywordsOf(texts, { top })
  for (const [i, found] of all.entries()) {
    const file = files[i] as string
    if (flags.json) printJson({ file, keywords: found })
    else
      for (const { term, weight } of found)
        process.stdout.write(
          `${files.length > 1 ? `${file}\t` : ''}${term}\t${weight.toFixed(4)}\n`,
        )
  }
}
