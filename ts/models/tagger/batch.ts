/** Sentences as numbers. */
import { atOnce } from '../../pauses'
import type { StepInput } from '../../train/objective'
import { shapeOf, UNKNOWN, wordKey, type TaggerVocabulary } from './vocabulary'

/** A sentence; its tags are of no account where there are none. */
export interface Example {
  words: Int32Array
  shapes: Int32Array
  forms: readonly string[]
  tags: Int32Array
}

export interface TaggerBatch {
  steps: number
  rows: number
  /** Words, padding not counted. */
  count: number
  /** [steps, rows], as are the next three. */
  words: Int32Array
  shapes: Int32Array
  tags: Int32Array
  /** Which of the batch's distinct words each is. */
  which: Int32Array
  lengths: Int32Array
  /** Letters of the distinct words: [most letters, distinct words]. */
  letters: Int32Array
  letterSteps: number
  wordLengths: Int32Array
}

/** Words that are put in their places without a pause. */
const STRETCH = 1 << 12

/** Letters of a word that are read. */
const MOST_LETTERS = 32

const idsOf = (values: readonly string[]): ReadonlyMap<string, number> =>
  new Map(values.map((value, i) => [value, i + 1]))

/** Makes numbers of words. */
export class WordReader {
  private readonly words: ReadonlyMap<string, number>
  private readonly letters: ReadonlyMap<string, number>
  private readonly shapes: ReadonlyMap<string, number>

  constructor(private readonly vocabulary: TaggerVocabulary) {
    this.words = idsOf(vocabulary.words)
    this.letters = idsOf(vocabulary.letters)
    this.shapes = idsOf(vocabulary.shapes)
  }

  /** Yields where there may be a pause. */
  *reading(
    forms: readonly string[],
    tags: Int32Array = new Int32Array(forms.length),
  ): Generator<undefined, Example> {
    const { length } = forms
    const [words, shapes] = [new Int32Array(length), new Int32Array(length)]
    for (const [i, form] of forms.entries()) {
      words[i] = this.words.get(wordKey(form)) ?? UNKNOWN
      shapes[i] = this.shapes.get(shapeOf(form)) ?? UNKNOWN
      yield
    }
    return { words, shapes, forms, tags }
  }

  /** Words of these that were seen once in training. */
  rareIn(examples: readonly Example[]): number {
    const { frequent } = this.vocabulary
    return examples.reduce((sum, { words }) => sum + words.filter((id) => id > frequent).length, 0)
  }

  /** `unknown`: whether the n-th word that was seen once in training is to be read as unknown. */
  batch(examples: readonly Example[], unknown: (n: number) => boolean = () => false): TaggerBatch {
    return atOnce(this.batching(examples, unknown))
  }

  /** The same; yields where there may be a pause. */
  *batching(
    examples: readonly Example[],
    unknown: (n: number) => boolean = () => false,
  ): Generator<undefined, TaggerBatch> {
    const rows = examples.length
    const steps = examples.reduce((most, { words }) => Math.max(most, words.length), 0)
    const make = () => new Int32Array(steps * rows)
    const [words, shapes, tags, which] = [make(), make(), make(), make()]
    const forms = new Map<string, number>()
    let [rare, count] = [0, 0]
    for (const [row, example] of examples.entries())
      for (const [t, form] of example.forms.entries()) {
        const at = t * rows + row
        const word = example.words[t] as number
        const known = word <= this.vocabulary.frequent || !unknown(rare++)
        words[at] = known ? word : UNKNOWN
        shapes[at] = example.shapes[t] as number
        tags[at] = example.tags[t] as number
        which[at] = forms.get(form) ?? forms.size
        forms.set(form, which[at] as number)
        if (++count % STRETCH === 0) yield
      }
    if (forms.size === 0) forms.set('', 0)
    const lengths = Int32Array.from(examples, ({ words }) => words.length)
    return {
      steps,
      rows,
      count,
      words,
      shapes,
      tags,
      which,
      lengths,
      ...(yield* this.spell([...forms.keys()])),
    }
  }

  private *spell(forms: readonly string[]) {
    const spelt: number[][] = []
    for (const form of forms) {
      // A code point is two units at most.
      const letters = Array.from(form.slice(0, 2 * MOST_LETTERS)).slice(0, MOST_LETTERS)
      spelt.push(
        letters.length === 0 ? [UNKNOWN] : letters.map((x) => this.letters.get(x) ?? UNKNOWN),
      )
      if (spelt.length % STRETCH === 0) yield
    }
    const wordLengths = Int32Array.from(spelt, ({ length }) => length)
    const letterSteps = wordLengths.reduce((most, length) => Math.max(most, length), 1)
    const letters = new Int32Array(letterSteps * forms.length)
    for (const [i, ids] of spelt.entries()) {
      if (i % STRETCH === STRETCH - 1) yield
      for (const [t, id] of ids.entries()) letters[t * forms.length + i] = id
    }
    return { letters, letterSteps, wordLengths }
  }
}

/** In the order in which the network takes them, tags last. */
export function inputsOf(batch: TaggerBatch): StepInput[] {
  const { steps, rows, letterSteps, wordLengths } = batch
  const shape = [steps, rows]
  return [
    { shape, data: batch.words },
    { shape, data: batch.shapes },
    { shape, data: batch.which },
    { shape: [rows], data: batch.lengths },
    { shape: [letterSteps, wordLengths.length], data: batch.letters },
    { shape: [wordLengths.length], data: wordLengths },
    { shape, data: batch.tags },
  ]
}
