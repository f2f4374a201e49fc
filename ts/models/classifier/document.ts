/** Documents by their sentences: each is classified, and what they say is merged. */
import { inStretches, Pauses } from '../../pauses'
import { Schema } from '../../schema'
import { cuttingSentences } from '../parts/sentences'
import { termRows } from '../parts/term-options'
import { Vectorizer } from '../parts/vectorizer'
import { chosenOf } from './decide'
import { encodeTexts, TextSet, type Reading } from './examples'
import type { ClassifierTaskName, DocumentMerge } from './options'
import { prediction, type Prediction } from './prediction'

/** A document's sentences, and what each counts; the weights sum to 1. */
interface WeighedSentences {
  sentences: string[]
  weights: Float64Array
}

const COUNTS = new Schema('predict', termRows).resolve({ ngrams: [1], weighting: 'counts' })

/** What each sentence tells: the TF-IDF of its words, what is rare reckoned within the document. */
async function tfIdfOf(sentences: readonly string[], pauses: Pauses): Promise<Float64Array> {
  const sums = new Float64Array(sentences.length)
  if (!sentences.some((sentence) => /[\p{L}\p{N}]/u.test(sentence))) return sums
  const { vectorizer, rows } = await Vectorizer.learn('predict', COUNTS, sentences, pauses)
  for (let i = 0; i < sums.length; ++i) {
    for (let at = rows.begins[i] as number; at < (rows.begins[i + 1] as number); ++at)
      sums[i]! +=
        (rows.values[at] as number) * (vectorizer.idf[rows.indices[at] as number] as number)
    if (pauses.due) await pauses.pause()
  }
  return sums
}

/** A document without sentences is one that says nothing. */
async function sentencesOf(
  text: string,
  merge: DocumentMerge,
  pauses: Pauses,
): Promise<WeighedSentences> {
  const found = await inStretches(cuttingSentences(text), pauses)
  const sentences = found.length > 0 ? found : ['']
  const sums = merge === 'weighted' ? await tfIdfOf(sentences, pauses) : null
  const total = sums?.reduce((sum, weight) => sum + weight, 0) ?? 0
  // Without a word all count alike.
  const weights = sums && total > 0 ? sums.map((sum) => sum / total) : null
  return {
    sentences,
    weights: weights ?? new Float64Array(sentences.length).fill(1 / sentences.length),
  }
}

/** The probabilities of a document; by vote, the share of the sentences with a label. */
function merged(
  task: ClassifierTaskName,
  merge: DocumentMerge,
  probabilities: readonly Float64Array[],
  weights: Float64Array,
): Float64Array {
  const sums = new Float64Array((probabilities[0] as Float64Array).length)
  for (const [i, own] of probabilities.entries()) {
    const weight = weights[i] as number
    if (merge === 'vote') for (const k of chosenOf(task, own)) sums[k]! += weight
    else for (const [k, probability] of own.entries()) sums[k]! += weight * probability
  }
  return sums
}

interface Reader {
  reading: Reading
  /** The probabilities of encoded texts. */
  decide(set: TextSet): Promise<Float64Array[]>
  checkGoing(): void
}

/** What documents are taken for, and each of their sentences. */
export async function predictDocuments(
  { reading, decide, checkGoing }: Reader,
  texts: readonly string[],
  merge: DocumentMerge,
  top: number | undefined,
): Promise<Prediction[]> {
  const pauses = new Pauses()
  const documents: WeighedSentences[] = []
  for (const text of texts) {
    checkGoing()
    documents.push(await sentencesOf(text, merge, pauses))
  }
  const sentences = documents.flatMap((one) => one.sentences.map((text) => [text]))
  const decided = await decide(new TextSet(await encodeTexts(reading, sentences), []))
  let first = 0
  const made: Prediction[] = []
  for (const [i, { sentences, weights }] of documents.entries()) {
    const own = decided.slice(first, (first += sentences.length))
    const all = merged(reading.options.task, merge, own, weights)
    const told: Prediction['sentences'] = []
    for (const [s, probabilities] of own.entries()) {
      const text = sentences[s] as string
      const { label } = prediction(reading, [text], probabilities, undefined, 1)
      told.push({ text, label, weight: weights[s] as number })
      if (pauses.due) await pauses.pause()
    }
    const text = [texts[i] as string]
    made.push({ ...prediction(reading, text, all, undefined, top), sentences: told })
  }
  return made
}
