/** Documents as numbers. */
import { inStretches, type Pauses } from '../../pauses'
import { measuringRouge } from '../../metrics/rouge'
import type { Tokenizer } from '../../text'
import type { StepInput } from '../../train/objective'
import { termRows } from '../parts/term-options'
import { tokensOf } from '../parts/terms'
import { Schema } from '../../schema'
import { rankSentences } from './rank'

/** Figures of a sentence: see {@link figuresOf}. */
export const FEATURES = 6

/** A document as it is read. Targets are of no account where there are none. */
export interface Reading {
  /** Of each sentence, its tokens. */
  ids: Int32Array[]
  /** [sentences, {@link FEATURES}] */
  features: Float32Array
  /** How good a summary each sentence is, in [0, 1]. */
  targets: Float32Array
}

const SETTINGS = new Schema('summariser', termRows).resolve({ ngrams: [1] })

/** A sentence as its tokens, by spaces: words in small letters. */
export const plainOf = (sentence: string): string => tokensOf(sentence, SETTINGS).join(' ')

/** Most tokens of a sentence that are read. */
const MOST_TOKENS = 256

export async function readDocument(
  op: string,
  sentences: readonly string[],
  tokenizer: Tokenizer,
  pauses: Pauses,
): Promise<Omit<Reading, 'targets'>> {
  const ids: Int32Array[] = []
  for (const sentence of sentences) {
    ids.push((await tokenizer.encodeInStretches(plainOf(sentence), pauses)).slice(0, MOST_TOKENS))
    if (pauses.due) await pauses.pause()
  }
  return { ids, features: await figuresOf(op, sentences, ids, pauses) }
}

/** Where a sentence stands, how long it is, and what the methods that learn nothing make of it, beside the mean. */
async function figuresOf(
  op: string,
  sentences: readonly string[],
  ids: readonly Int32Array[],
  pauses: Pauses,
): Promise<Float32Array> {
  const count = sentences.length
  const features = new Float32Array(count * FEATURES)
  const ranks: Float64Array[] = []
  for (const method of ['lexrank', 'tfidf'] as const)
    ranks.push(await rankSentences(op, sentences, method, pauses))
  const means = ranks.map((scores) => scores.reduce((a, b) => a + b, 0) / count || 1)
  for (let i = 0; i < count; ++i) {
    const length = (ids[i] as Int32Array).length
    const relative = ranks.map((scores, k) => (scores[i] as number) / (means[k] as number) - 1)
    features.set(
      [i / count, i === 0 ? 1 : 0, i === count - 1 ? 1 : 0, Math.log1p(length) - 3, ...relative],
      i * FEATURES,
    )
  }
  return features
}

/** How good a summary each sentence would be: the mean of ROUGE-1, 2 and L against the given ones. */
export async function targetsOf(
  sentences: readonly string[],
  summaries: readonly string[],
  pauses: Pauses,
): Promise<Float32Array> {
  const references = summaries.map(plainOf)
  const targets = new Float32Array(sentences.length)
  for (const [i, sentence] of sentences.entries()) {
    const work = measuringRouge([plainOf(sentence)], [references], { tokenize: 'none' })
    const { rouge1, rouge2, rougeL } = await inStretches(work, pauses)
    targets[i] = (rouge1.f1 + rouge2.f1 + rougeL.f1) / 300
  }
  return targets
}

/** Of a batch, in the order of {@link inputsOf}. */
export interface SummaryBatch {
  steps: number
  documents: number
  /** Most sentences of a document. */
  most: number
  tokens: number
  /** Sentences of other documents that precede these in the batch they are a part of. */
  before: number
  ids: Int32Array
  lengths: Int32Array
  features: Float32Array
  places: Int32Array
  counts: Int32Array
  mask: Float32Array
  /** `[documents, most sentences]`: shares that are wanted; they sum to 1 in a document with sentences. */
  wanted: Float32Array
}

/** What a sentence past a document's end scores. */
const NEVER = -1e9

export function batchOf(readings: readonly Reading[], sharpness: number, before = 0): SummaryBatch {
  const sentences = readings.flatMap(({ ids }) => ids)
  const longest = (all: readonly { length: number }[]) =>
    all.reduce((most, { length }) => Math.max(most, length), 1)
  const steps = longest(sentences)
  const most = longest(readings.map(({ ids }) => ids))
  const documents = readings.length
  const rows = Math.max(1, sentences.length)
  const batch: SummaryBatch = {
    ...{
      steps,
      documents,
      most,
      before,
      tokens: sentences.reduce((sum, { length }) => sum + length, 0),
    },
    ids: new Int32Array(steps * rows),
    lengths: Int32Array.from({ length: rows }, (_, i) => sentences[i]?.length ?? 0),
    features: new Float32Array(rows * FEATURES),
    places: new Int32Array(most * documents),
    counts: Int32Array.from(readings, ({ ids }) => ids.length),
    mask: new Float32Array(documents * most).fill(NEVER),
    wanted: new Float32Array(documents * most),
  }
  for (const [s, own] of sentences.entries())
    for (const [t, id] of own.entries()) batch.ids[t * rows + s] = id
  let first = 0
  for (const [d, { ids, features, targets }] of readings.entries()) {
    batch.features.set(features, first * FEATURES)
    for (let i = 0; i < ids.length; ++i) batch.places[i * documents + d] = first + i
    batch.mask.fill(0, d * most, d * most + ids.length)
    batch.wanted.set(sharesOf(targets, sharpness), d * most)
    first += ids.length
  }
  return batch
}

/** Shares that sum to 1, the better the larger. */
export function sharesOf(targets: Float32Array, sharpness: number): Float32Array {
  const best = targets.reduce((a, b) => Math.max(a, b), 0)
  const powers = targets.map((target) => Math.exp(sharpness * (target - best)))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}

/** What goes to the device of a batch; the last of it are the wanted shares. */
export function inputsOf(batch: SummaryBatch): StepInput[] {
  const { steps, documents, most, lengths } = batch
  const rows = lengths.length
  return [
    { shape: [steps, rows], data: batch.ids },
    { shape: [rows], data: lengths },
    { shape: [rows, FEATURES], data: batch.features },
    { shape: [most, documents], data: batch.places },
    { shape: [documents], data: batch.counts },
    { shape: [documents, most], data: batch.mask },
    { shape: [documents, most], data: batch.wanted },
  ]
}
