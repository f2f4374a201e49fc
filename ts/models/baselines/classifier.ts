/** What linear classifiers over terms have in common: a score of each label is a sum over the terms of a text. */
import {
  checkPath,
  checkGoing,
  checkSignal,
  checkWhole,
  isListOf,
  isObject,
  optionsOf,
  type Names,
  whole,
} from '../../check'
import { RnnativeError } from '../../errors'
import { gatherLabelled, type Labelled } from '../../data/labelled'
import { readJson } from '../../io/files'
import { CONFIG_FILE, readModel, writeModelDirectory } from '../../io/model-directory'
import { MODEL_FILE } from '../../io/model-files'
import { readSafetensors } from '../../io/safetensors'
import type { HostTensor } from '../../nn'
import { heeding, inStretches, Pauses } from '../../pauses'
import type { AbortSignalLike } from '../../signal'
import type { TermSettings } from '../parts/term-options'
import { checkTexts, logSoftmax, numbersOf, ranked, scored } from '../parts/prediction'
import type { BaselinePrediction, BaselineScore } from '../parts/prediction'
import type { Sparse } from '../parts/sparse'
import { readTerms, TERMS_FILE, writtenTerms } from './terms-file'
import { Vectorizer, type Text } from '../parts/vectorizer'

/** Of each term a number for each label, and one for each label besides. */
export interface Weights {
  /** [terms, labels] */
  weight: Float32Array
  /** [labels] */
  bias: Float64Array
}

/** Examples as rows, with their labels' numbers. */
export interface Learning {
  rows: Sparse
  actual: Int32Array
  labels: number
}

/** Options of `fit` that all baselines share. */
export interface BaselineFitOptions {
  /** Ends the call with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

/** What `fit` gives of a baseline. */
export interface BaselineFit {
  /** Examples learned from. */
  examples: number
  /** N-grams that count. */
  terms: number
  /** Passes over the examples. */
  iterations: number
}

/** Options of `predict` that all baselines share. */
export interface BaselinePredictOptions {
  /** Labels to tell the probabilities of, the likeliest first. Default: all. */
  top?: number | undefined
  /** Terms to tell the weights of. Default 10. */
  terms?: number | undefined
  /** Ends the work once it is aborted. */
  signal?: AbortSignalLike | undefined
}

const FIT_NAMES: Names<BaselineFitOptions> = { signal: true }
const PREDICT_NAMES: Names<BaselinePredictOptions> = { top: true, terms: true, signal: true }

export interface Learned extends Weights {
  vectorizer: Vectorizer
  labels: readonly string[]
  /** Texts of an example. */
  fields: number
}

/** Texts that are scored between two looks at the signal. */
const STRETCH = 256

export abstract class Baseline {
  /** What `fit` or `load` left; null before. */
  protected learned: Learned | null = null

  /** What texts are cut into, and what counts. */
  protected abstract readonly settings: TermSettings
  /** What `config.json` holds, but for the labels. */
  protected abstract config(): object

  protected abstract learn(learning: Learning): Generator<unknown, Weights & { iterations: number }>

  /** In the order of their characters. `ERR_UNINITIALIZED` before it has learned. */
  get labels(): readonly string[] {
    return this.ready('labels').labels
  }

  /** Texts of an example: more than one are a list. `ERR_UNINITIALIZED` before it has learned. */
  get fields(): number {
    return this.ready('fields').fields
  }

  /** The n-grams that count. */
  get terms(): readonly string[] {
    return this.ready('terms').vectorizer.terms.list()
  }

  private ready(method: string): Learned {
    if (this.learned) return this.learned
    throw new RnnativeError(
      'ERR_UNINITIALIZED',
      `[${method}] the model has learned nothing: fit, or load`,
    )
  }

  /**
   * Learns examples, anew. Their labels are the model's. `ERR_ARGUMENT` for an example that has several labels;
   * `ERR_EMPTY` without examples or terms.
   */
  async fit(
    examples: Iterable<Labelled> | AsyncIterable<Labelled>,
    options: BaselineFitOptions = {},
  ): Promise<BaselineFit> {
    const { signal } = optionsOf('fit', options, FIT_NAMES)
    heed('fit', signal)
    const all = await gatherLabelled('fit', examples)
    const labels = labelsOf(all)
    const actual = numbersOf('fit', all, labels)
    const texts = all.map(({ text }) => text)
    const pauses = new Pauses()
    const { vectorizer, rows } = await Vectorizer.learn('fit', this.settings, texts, pauses)
    heed('fit', signal)
    const going = () => checkGoing('fit', signal)
    const learning = this.learn({ rows, actual, labels: labels.length })
    const { iterations, ...weights } = await inStretches(heeding(learning, going), pauses)
    const [first = ''] = texts
    const fields = typeof first === 'string' ? 1 : first.length
    this.learned = { ...weights, vectorizer, labels, fields }
    return { examples: all.length, terms: vectorizer.size, iterations }
  }

  /** What texts are taken for, with probabilities and the terms that weighed most. */
  async predict(
    texts: readonly Text[],
    options: BaselinePredictOptions = {},
  ): Promise<BaselinePrediction[]> {
    const { top, terms = 10, signal } = optionsOf('predict', options, PREDICT_NAMES)
    if (top !== undefined) checkWhole('predict', 'top', top, 1)
    checkWhole('predict', 'terms', terms, 0)
    checkTexts('predict', texts)
    const learned = this.ready('predict')
    const made: BaselinePrediction[] = []
    await this.each('predict', texts.slice(), signal, (logs, termsOf, values) => {
      const probabilities = ranked(learned.labels, logs.map(Math.exp), top)
      const label = (probabilities[0] as { label: string }).label
      made.push({ label, probabilities, terms: explain(learned, termsOf, values, label, terms) })
    })
    return made
  }

  /** How well labels are told: `accuracy`, `macroF1`, `perClass`, `confusion` and the like, and the loss in nats. */
  async evaluate(
    examples: Iterable<Labelled> | AsyncIterable<Labelled>,
    options: BaselineFitOptions = {},
  ): Promise<BaselineScore> {
    const { signal } = optionsOf('evaluate', options, FIT_NAMES)
    const { labels } = this.ready('evaluate')
    const all = await gatherLabelled('evaluate', examples)
    const actual = numbersOf('evaluate', all, labels)
    const logs: Float64Array[] = []
    const texts = all.map(({ text }) => text)
    await this.each('evaluate', texts, signal, (row) => logs.push(row))
    return scored(labels, logs, actual)
  }

  /** Calls `see` with each text's logarithms of probabilities, its terms, and what each counts. */
  private async each(
    op: string,
    texts: readonly Text[],
    signal: AbortSignalLike | undefined,
    see: (logs: Float64Array, terms: Int32Array, values: Float64Array) => void,
  ): Promise<void> {
    const learned = this.ready(op)
    const pauses = new Pauses()
    for (const [i, text] of texts.entries()) {
      if (i % STRETCH === 0) heed(op, signal)
      const visiting = learned.vectorizer.visiting(text, (terms, values) => {
        const scores = scoresOf(learned, terms, values)
        logSoftmax(scores)
        see(scores, terms, values)
      })
      await inStretches(visiting, pauses)
      if (pauses.due) await pauses.pause()
    }
  }

  /** Writes the model into a directory: `config.json`, its n-grams, its weights. As of other models. */
  async save(directory: string): Promise<void> {
    checkPath('save', 'directory', directory)
    const { vectorizer, labels, fields, weight, bias } = this.ready('save')
    const tensors = new Map<string, HostTensor>([
      ['weight', { shape: [vectorizer.size, labels.length], data: weight }],
      ['bias', { shape: [labels.length], data: bias }],
      ['idf', { shape: [vectorizer.size], data: vectorizer.idf }],
    ])
    const config = { ...this.config(), fields, labels }
    await writeModelDirectory(directory, {
      json: { [CONFIG_FILE]: config, [TERMS_FILE]: await writtenTerms(vectorizer.terms) },
      tensors: { [MODEL_FILE]: tensors },
    })
  }

  /** For `load` of each kind: a model made of `config.json`, with what it had learned. */
  protected static loadAs<M extends Baseline>(
    directory: string,
    make: (config: unknown, path: string) => M,
  ): Promise<M> {
    checkPath('load', 'directory', directory)
    const read = async (file: (name: string) => string) => {
      const path = file(CONFIG_FILE)
      const config = await readJson(path)
      const model = make(config, path)
      model.learned = await readLearned(file, model.settings, config)
      return model
    }
    return readModel(directory, read, () => Promise.resolve())
  }

  /** Nothing is held outside of JavaScript; it is here as of other models. */
  async dispose(): Promise<void> {
    this.learned = null
    return Promise.resolve()
  }

  /** As {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

function heed(op: string, signal: AbortSignalLike | undefined): void {
  checkSignal(op, signal)
  checkGoing(op, signal)
}

const labelsOf = (examples: readonly Labelled[]): string[] =>
  [
    ...new Set(examples.map(({ label }) => label).filter((label) => typeof label === 'string')),
  ].sort()

function scoresOf(
  { weight, bias }: Weights,
  terms: Int32Array,
  values: Float64Array,
): Float64Array {
  const scores = bias.slice()
  const labels = bias.length
  for (let i = 0; i < terms.length; ++i) {
    const from = (terms[i] as number) * labels
    const value = values[i] as number
    for (let k = 0; k < labels; ++k) scores[k]! += value * (weight[from + k] as number)
  }
  return scores
}

/** What terms add to a label's score beyond what they add to the mean of all: `most`, the largest first. */
function explain(
  { weight, labels, vectorizer }: Learned,
  terms: Int32Array,
  values: Float64Array,
  label: string,
  most: number,
): { term: string; weight: number }[] {
  if (most === 0) return []
  const [k, count] = [labels.indexOf(label), labels.length]
  const added = new Float64Array(terms.length)
  for (let i = 0; i < terms.length; ++i) {
    const from = (terms[i] as number) * count
    let sum = 0
    for (let j = 0; j < count; ++j) sum += weight[from + j] as number
    added[i] = (values[i] as number) * ((weight[from + k] as number) - sum / count)
  }
  return largest(added, terms, most).map((i) => ({
    term: vectorizer.terms.name(terms[i] as number),
    weight: added[i] as number,
  }))
}

/** The places of the largest magnitudes, in order; of equals the lower number first. */
function largest(added: Float64Array, numbers: Int32Array, most: number): number[] {
  const before = (a: number, b: number): boolean => {
    const more = Math.abs(added[a] as number) - Math.abs(added[b] as number)
    return more !== 0 ? more > 0 : (numbers[a] as number) < (numbers[b] as number)
  }
  const found: number[] = []
  for (let i = 0; i < added.length; ++i) {
    if (found.length === most && !before(i, found[most - 1] as number)) continue
    let at = found.length === most ? most - 1 : found.length
    for (; at > 0 && before(i, found[at - 1] as number); --at) found[at] = found[at - 1] as number
    found[at] = i
  }
  return found
}

/** What the files of a saved model hold. They are not trusted: `ERR_FORMAT` names what is wrong. */
async function readLearned(
  file: (name: string) => string,
  settings: TermSettings,
  config: unknown,
): Promise<Learned> {
  const fail = (name: string, problem: string) =>
    new RnnativeError('ERR_FORMAT', `[load] ${file(name)}: ${problem}`)
  const { labels, fields } = isObject(config) ? config : {}
  if (!whole(fields, 1)) throw fail(CONFIG_FILE, 'fields: expected a whole number above 0')
  const valid = isListOf(labels, (label) => typeof label === 'string') && (labels as []).length > 0
  if (!valid || new Set(labels as string[]).size !== (labels as string[]).length)
    throw fail(CONFIG_FILE, 'labels: expected a list of different strings')
  const terms = await readTerms(file(TERMS_FILE), settings)
  const tensors = await readSafetensors(file(MODEL_FILE))
  const take = <T extends Float32Array | Float64Array>(
    name: string,
    shape: readonly number[],
    kind: { new (length: number): T },
  ): T => {
    const found = tensors.tensors.get(name)
    const fits =
      found?.data instanceof kind &&
      found.shape.length === shape.length &&
      found.shape.every((size, i) => size === shape[i])
    if (!fits)
      throw fail(MODEL_FILE, `${name}: expected [${shape.join(', ')}], got another tensor or none`)
    if (!found.data.every(Number.isFinite))
      throw fail(MODEL_FILE, `${name}: expected finite numbers`)
    return found.data
  }
  const count = (labels as string[]).length
  return {
    fields,
    labels: labels as string[],
    weight: take('weight', [terms.size, count], Float32Array),
    bias: take('bias', [count], Float64Array),
    vectorizer: new Vectorizer(settings, terms, take('idf', [terms.size], Float64Array)),
  }
}
