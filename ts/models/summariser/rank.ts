/** How much of a document each of its sentences tells, without anything learned. */
import { inStretches, type Pauses } from '../../pauses'
import type { Sparse } from '../parts/sparse'
import { termRows, type TermSettings } from '../parts/term-options'
import { STANDS_ALONE, tokensOf } from '../parts/terms'
import { Vectorizer } from '../parts/vectorizer'
import { Schema } from '../../schema'

export const RANK_METHODS = ['textrank', 'lexrank', 'lead', 'tfidf'] as const
/** By what sentences are ranked, nothing learned. */
export type RankMethod = (typeof RANK_METHODS)[number]

/** Chance of going on to a sentence that is like the last one (Brin & Page 1998). */
const DAMPING = 0.85
const MOST_ROUNDS = 100
const TOLERANCE = 1e-7

const settingsOf = (weighting: TermSettings['weighting']): TermSettings =>
  new Schema('summarize', termRows).resolve({ analyzer: 'space', ngrams: [1], weighting })

/** Letters of a word that count: what follows is mostly inflexion. */
const LETTERS = 5
/** Words of so few letters tell what stands how to what, and not what a text is of. */
const SHORT = 3
const WORDS = settingsOf('counts')

/** What sentences are compared by. Both numbers chose better sentences on validation data than whole words did. */
function contentOf(sentence: string): string {
  const tokens = tokensOf(sentence, { ...WORDS, analyzer: 'word' })
  const told = tokens.filter((token) => token.length > SHORT || STANDS_ALONE.test(token))
  return told.map((token) => token.slice(0, LETTERS)).join(' ')
}

/** What a random reader of sentences sees how often: `flow` adds up where each sentence's share goes. */
function* stationary(
  size: number,
  flow: (shares: Float64Array, into: Float64Array) => Generator<unknown, void>,
): Generator<unknown, Float64Array> {
  let shares = new Float64Array(size).fill(1 / size)
  for (let round = 0; round < MOST_ROUNDS; ++round) {
    const next = new Float64Array(size)
    yield* flow(shares, next)
    // What sentences that are like none have goes to all.
    const kept = next.reduce((sum, share) => sum + share, 0)
    const rest = (1 - DAMPING * kept) / size
    let change = 0
    for (let i = 0; i < size; ++i) {
      next[i] = DAMPING * (next[i] as number) + rest
      change += Math.abs((next[i] as number) - (shares[i] as number))
    }
    shares = next
    if (change < TOLERANCE) break
  }
  return shares
}

/**
 * What a reader sees who goes on to sentences that are like the last one, by the cosine of their rows. With rows of TF-IDF it
 * is LexRank of the continuous kind (Erkan & Radev 2004); with the words that are there it is TextRank (Mihalcea & Tarau
 * 2004), whose shared words are divided by the root of the lengths' product, not by the sum of their logarithms: on
 * validation data that chose better. Products with all likenesses are products with the rows, so that this takes time of
 * the text's length.
 */
function* central(given: Sparse): Generator<unknown, Float64Array> {
  const rows = yield* unitRows(given)
  const totals = new Float64Array(rows.rows)
  yield* gram(rows, new Float64Array(rows.rows).fill(1), totals)
  return yield* stationary(rows.rows, function* (shares, into) {
    const given = shares.map((share, i) =>
      (totals[i] as number) > 0 ? share / (totals[i] as number) : 0,
    )
    yield* gram(rows, given, into)
  })
}

/** Rows of length 1. */
function* unitRows(rows: Sparse): Generator<unknown, Sparse> {
  const values = rows.values.slice()
  for (let i = 0; i < rows.rows; ++i, yield) {
    const own = values.subarray(rows.begins[i] as number, rows.begins[i + 1] as number)
    const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0)) || 1
    for (let at = 0; at < own.length; ++at) own[at]! /= norm
  }
  return { ...rows, values }
}

/** The products of a vector with the cosines of all pairs of rows but a row with itself. */
function* gram(
  { rows, columns, begins, indices, values }: Sparse,
  given: Float64Array,
  into: Float64Array,
): Generator<unknown, void> {
  const sums = new Float64Array(columns)
  const rowOf = (i: number, see: (column: number, value: number) => void) => {
    for (let at = begins[i] as number; at < (begins[i + 1] as number); ++at)
      see(indices[at] as number, values[at] as number)
  }
  for (let i = 0; i < rows; ++i, yield)
    rowOf(i, (column, value) => (sums[column]! += value * (given[i] as number)))
  for (let i = 0; i < rows; ++i, yield) {
    let [sum, own] = [0, 0]
    rowOf(i, (column, value) => {
      sum += value * (sums[column] as number)
      own += value * value
    })
    // Differences of equals may fall below zero.
    into[i] = Math.max(0, sum - own * (given[i] as number))
  }
}

/** How near each sentence is to all of them: the cosine of its TF-IDF vector and their sum (Radev et al. 2004). */
function* centroid({
  rows,
  columns,
  begins,
  indices,
  values,
}: Sparse): Generator<unknown, Float64Array> {
  const sums = new Float64Array(columns)
  for (let at = 0; at < indices.length; ++at) {
    sums[indices[at] as number]! += values[at] as number
    if (at % 4096 === 0) yield
  }
  const scores = new Float64Array(rows)
  for (let i = 0; i < rows; ++i, yield)
    for (let at = begins[i] as number; at < (begins[i + 1] as number); ++at)
      scores[i]! += (values[at] as number) * (sums[indices[at] as number] as number)
  return scores
}

const RANKS = {
  textrank: { rank: central, weighting: 'binary' },
  lexrank: { rank: central, weighting: 'tf-idf' },
  tfidf: { rank: centroid, weighting: 'tf-idf' },
} as const

/** A score for each sentence: more is better. The first ones are best where there is nothing to go by. */
export async function rankSentences(
  op: string,
  sentences: readonly string[],
  method: RankMethod,
  pauses: Pauses,
): Promise<Float64Array> {
  const count = sentences.length
  if (method === 'lead') return Float64Array.from({ length: count }, (_, i) => 1 - i / count)
  const { rank, weighting } = RANKS[method]
  const contents: string[] = []
  for (const sentence of sentences) {
    contents.push(contentOf(sentence))
    if (pauses.due) await pauses.pause()
  }
  if (contents.every((content) => content === '')) return new Float64Array(count)
  const { rows } = await Vectorizer.learn(op, settingsOf(weighting), contents, pauses)
  return inStretches(rank(rows), pauses)
}
