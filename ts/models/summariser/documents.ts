/** Documents, their sentences, and what is chosen of them. */
import { isListOf } from '../../check'
import { expect } from '../../errors'
import { inStretches, type Pauses } from '../../pauses'
import { cuttingSentences } from '../parts/sentences'

/** A text, which is cut into sentences, or its sentences. */
export type SummaryDocument = string | readonly string[]

/** A sentence of a summary. */
export interface ChosenSentence {
  /** Which of the document's sentences it is, from 0. */
  index: number
  /** The sentence. */
  text: string
  /** What it was chosen by: more is better. */
  score: number
}

/** A document's sentences that were chosen. */
export interface Summary {
  /** The sentences joined. */
  summary: string
  /** In the document's order. */
  sentences: ChosenSentence[]
}

const isText = (x: unknown): boolean => typeof x === 'string'

/** The sentences of each document; `ERR_ARGUMENT` for what is none. */
export async function sentencesOf(
  op: string,
  documents: readonly SummaryDocument[],
  pauses: Pauses,
): Promise<string[][]> {
  const expected = 'a list of texts, or of lists of sentences'
  expect(op, 'documents', Array.isArray(documents), expected, documents)
  const all: string[][] = []
  for (const [i, document] of documents.slice().entries()) {
    const valid = isText(document) || isListOf(document, isText)
    expect(op, `documents[${i}]`, valid, 'a text or a list of sentences', document)
    if (typeof document !== 'string') all.push([...document])
    else all.push(await inStretches(cuttingSentences(document), pauses))
  }
  return all
}

/** Ends like a sentence of Chinese or Japanese, which no space follows. */
const WIDE = /[。！？…」』]$/u

const joined = (sentences: readonly string[]): string =>
  sentences.reduce((text, next) => text + (text === '' || WIDE.test(text) ? '' : ' ') + next, '')

/** The `count` best, of equals the first, in the document's order. */
export function choose(
  sentences: readonly string[],
  scores: ArrayLike<number>,
  count: number,
): Summary {
  const scoreOf = (i: number) => scores[i] as number
  const best = Array.from(sentences.keys())
    .sort((a, b) => scoreOf(b) - scoreOf(a) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b)
  const chosen = best.map((index) => ({
    ...{ index, text: sentences[index] as string, score: scoreOf(index) },
  }))
  return { summary: joined(chosen.map(({ text }) => text)), sentences: chosen }
}
