/** What pairs are read from, text or vectors, as it is laid out for a network. */
import { expect } from '../errors'
import { Pauses } from '../pauses'
import type { Tokenizer } from '../text'
import { backwards, layOutVectors, Vectors, vectorsOf } from './vectors'
import type { VectorBatch, VectorSequence } from './vectors'

/** What is read: a text, or a vector for each step. */
export type Source = string | VectorSequence

export interface SourceOptions {
  /** Null where sources are vectors. */
  source: Tokenizer | null
  /** Numbers of a vector. */
  sourceFeatures?: number | undefined
  /** Sources are read backwards, which brings their beginning near the target's (Sutskever 2014). */
  reverseSource?: boolean | undefined
}

/** One after the other. */
export function joined(first: ArrayLike<number>, second: ArrayLike<number>): Int32Array {
  const all = new Int32Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}

/** A source as it is read: its ids, or its vectors. */
export type EncodedSource = Int32Array | Vectors

/**
 * A source's ids: reversed if wanted, then `</s>` if its tokenizer has boundaries. Of vectors a copy. `name`: of a source
 * that is none, in errors.
 */
export async function encodeSource(
  text: Source,
  { source, sourceFeatures = 1, reverseSource = false }: SourceOptions,
  pauses = new Pauses(),
  name = 'source',
): Promise<EncodedSource> {
  if (source === null) {
    const vectors = vectorsOf('pairs', name, text, sourceFeatures)
    return reverseSource ? backwards(vectors) : vectors
  }
  expect('pairs', name, typeof text === 'string', 'a string', text)
  const ids = await source.encodeInStretches(text as string, pauses)
  if (reverseSource) ids.reverse()
  return source.end === null ? ids : joined(ids, [source.end])
}

/** The ids of many sources. The event loop is left to others now and then. */
export async function encodeSources(
  texts: readonly Source[],
  options: SourceOptions,
): Promise<EncodedSource[]> {
  const encoded: EncodedSource[] = []
  const pauses = new Pauses()
  for (const [i, text] of texts.entries())
    encoded.push(await encodeSource(text, options, pauses, `sources[${i}]`))
  return encoded
}

/** Sequences of ids side by side, time-major. */
export interface Sequences {
  /** Of the longest. */
  steps: number
  /** [steps, rows]; what is beyond a row's length is 0 and means nothing. */
  ids: Int32Array
  /** [rows] */
  lengths: Int32Array
}

/** How many tokens are real. */
export const tokensOf = ({ lengths }: { lengths: Int32Array }): number =>
  lengths.reduce((sum, length) => sum + length, 0)

/** Sources side by side. */
export type SourceBatch = Sequences | VectorBatch

export function layOutSources(sources: readonly EncodedSource[]): SourceBatch {
  const [first] = sources
  return first instanceof Vectors
    ? layOutVectors(sources as readonly Vectors[], first.size)
    : layOut(sources as readonly Int32Array[])
}

/** Lays sequences out time-major. */
export function layOut(sequences: readonly Int32Array[], padding = 0): Sequences {
  const rows = sequences.length
  const lengths = Int32Array.from(sequences, ({ length }) => length)
  const steps = lengths.reduce((most, length) => Math.max(most, length), 0)
  const ids = new Int32Array(steps * rows).fill(padding)
  sequences.forEach((sequence, row) => {
    let at = row
    for (const id of sequence) {
      ids[at] = id
      at += rows
    }
  })
  return { steps, ids, lengths }
}
