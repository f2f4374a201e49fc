/** Labelled texts as ids, for training, validation and evaluation. */
import { isListOf } from '../../check'
import { isDealt, type Share } from '../../data'
import type { Labelled } from '../../data/labelled'
import { digest } from '../../data/ids'
import { expect, RnnativeError, show } from '../../errors'
import { inStretches, Pauses } from '../../pauses'
import type { Tokenizer } from '../../text'
import type { ClassifierNetworkOptions } from './options'

/** What is to be classified: a text, or one for each field. */
export type Fields = string | readonly string[]

/** What a text is read with. */
export interface Reading {
  tokenizer: Tokenizer
  options: Pick<ClassifierNetworkOptions, 'fields' | 'maxLength' | 'cut' | 'labels' | 'task'>
}

/** What of a list of tokens is read. */
export function cutOff<T extends { length: number; slice(from: number, to: number): T }>(
  tokens: T,
  { maxLength = Infinity, cut }: Reading['options'],
): T {
  if (tokens.length <= maxLength) return tokens
  return cut === 'end' ? tokens.slice(0, maxLength) : tokens.slice(-maxLength, tokens.length)
}

const isText = (x: unknown): boolean => typeof x === 'string'

/** The texts of the fields; `ERR_ARGUMENT` for what is something else. */
export function fieldsOf(op: string, name: string, given: unknown, fields: number): string[] {
  if (fields === 1 && isText(given)) return [given as string]
  const valid = isListOf(given, isText) && (given as string[]).length === fields
  expect(
    op,
    name,
    valid,
    fields === 1 ? 'a string' : `${fields} strings, one for each field`,
    given,
  )
  return [...(given as string[])]
}

/** The ids of texts of fields, in order. */
export async function encodeTexts(
  { tokenizer, options }: Reading,
  texts: Iterable<readonly string[]>,
): Promise<Int32Array[][]> {
  const pauses = new Pauses()
  const all: Int32Array[][] = []
  for (const fields of texts) {
    const ids: Int32Array[] = []
    for (const text of fields)
      ids.push(cutOff(await tokenizer.encodeInStretches(text, pauses), options))
    all.push(ids)
    if (pauses.due) await pauses.pause()
  }
  return all
}

/** Encoded texts. What is to be predicted has no labels. */
export class TextSet {
  constructor(
    /** Of each example, those of its fields. */
    readonly ids: readonly (readonly Int32Array[])[],
    /** Of each example the numbers of its labels; of one label alone but in multi-label sets. */
    readonly labels: readonly Int32Array[],
  ) {}

  get length(): number {
    return this.ids.length
  }

  /** Tokens of an example. */
  tokensOf(index: number): number {
    return (this.ids[index] as Int32Array[]).reduce((sum, { length }) => sum + length, 0)
  }

  /** Of an example's longest text. */
  longestOf(index: number): number {
    return (this.ids[index] as Int32Array[]).reduce((most, { length }) => Math.max(most, length), 0)
  }

  /** How often each label occurs. */
  counts(labels: number): number[] {
    const counts = new Array<number>(labels).fill(0)
    for (const own of this.labels) for (const label of own) counts[label]! += 1
    return counts
  }

  /** A rank's part. */
  dealt(share: Share): TextSet {
    const own = (_: unknown, i: number) => isDealt(i, share)
    return share.size === 1 ? this : new TextSet(this.ids.filter(own), this.labels.filter(own))
  }

  /** Of all ids and labels, to tell whether a resumed run has the same data. */
  digest(): Promise<string> {
    const ends = Float64Array.from(this.ids.flat(), ({ length }) => length)
    const many = Float64Array.from(this.labels, ({ length }) => length)
    return digest([...this.ids.flat(), ends, ...this.labels, many])
  }
}

export async function encodeExamples(
  op: string,
  reading: Reading,
  examples: readonly Labelled[],
): Promise<TextSet> {
  const { labels, task, fields } = reading.options
  const numbers = new Map(labels.map((label, number) => [label, number]))
  function* encodingLabels(): Generator<void, Int32Array[]> {
    const all: Int32Array[] = []
    for (const [index, example] of examples.entries()) {
      const own = ([] as string[]).concat(example.label)
      const name = `example ${index}.label`
      const one = task === 'multi-label' || own.length === 1
      expect(op, name, one, `one label of a ${task} classifier`, own)
      const found = own.map((label) => numbers.get(label) ?? -1)
      const unknown = own[found.indexOf(-1)]
      if (unknown !== undefined)
        throw new RnnativeError(
          'ERR_ARGUMENT',
          `[${op}] ${name}: expected one of the model's ${labels.length} labels, got ${show(unknown)}`,
        )
      all.push(Int32Array.from(new Set(found)))
      if (index % 1024 === 0) yield
    }
    return all
  }
  const numbered = await inStretches(encodingLabels())
  const texts = examples.map(({ text }, index) =>
    fieldsOf(op, `example ${index}.text`, text, fields),
  )
  return new TextSet(await encodeTexts(reading, texts), numbered)
}
