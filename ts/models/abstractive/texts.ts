/** Documents and summaries as a `Seq2Seq` reads them. */
import { isListOf, isObject } from '../../check'
import type { Pair } from '../../data'
import { isSummarized, type Summarized } from '../../data/summaries'
import { expect } from '../../errors'
import { isSource } from '../../kinds'

export type Examples = Iterable<Summarized> | AsyncIterable<Summarized>

export interface Reading {
  lowerCase: boolean
}

/** A text as it is read; sentences are joined by spaces. */
export function readText(text: string | readonly string[], { lowerCase }: Reading): string {
  const whole = typeof text === 'string' ? text : text.join(' ')
  return lowerCase ? whole.toLowerCase() : whole
}

/** `ERR_ARGUMENT` for what is no document. */
export function readDocument(op: string, name: string, document: unknown, how: Reading): string {
  const isText = (one: unknown) => typeof one === 'string'
  const valid = isText(document) || isListOf(document, isText)
  expect(op, name, valid, 'a text or a list of sentences', document)
  return readText(document as string | readonly string[], how)
}

/** Pairs for a `Seq2Seq`. */
export async function* pairsOf(op: string, examples: Examples, how: Reading): AsyncGenerator<Pair> {
  const words = '{ text, summary }, each a string or strings'
  expect(op, 'examples', isSource(examples), `an iterable of ${words}`, examples)
  let index = 0
  for await (const one of examples) {
    const valid = isObject(one) && isSummarized({ ...one })
    expect(op, `example ${index++}`, valid, words, one)
    const { text, summary } = one
    const summaries = ([] as string[]).concat(summary)
    yield [readText(text, how), summaries.map((each) => readText(each, how))]
  }
}
