/** What a classifier reads texts with, learned from examples. */
import { checkChoice } from '../../check'
import type { Labelled } from '../../data/labelled'
import { Tokenizer } from '../../text'

const LEARNED = { word: 'words', char: 'characters', bpe: 'bpe', space: 'spaces' } as const

/** How texts are looked at outside of training. */
export interface ReadingOptions {
  /** What a token is. Default 'word'. */
  unit?: keyof typeof LEARNED | undefined
  /** Most tokens, of all units but characters. */
  vocabulary?: number | undefined
  /** Occurrences that make a token, of all units but characters. */
  minCount?: number | undefined
}

export function tokenizerFor(
  examples: readonly Labelled[],
  { unit = 'word', vocabulary, minCount }: ReadingOptions,
): Promise<Tokenizer> {
  checkChoice('text classifier', 'unit', unit, Object.keys(LEARNED))
  const texts = examples.flatMap(({ text }) => text as string | string[])
  return Tokenizer.learn(LEARNED[unit], texts, unit === 'char' ? {} : { vocabulary, minCount })
}

/** All labels in order: of numbers, where all are such, else of code points. */
export function labelsFor(examples: readonly Labelled[]): string[] {
  const labels = [...new Set(examples.flatMap(({ label }) => label))]
  const numbers = labels.every((label) => label.trim() !== '' && Number.isFinite(Number(label)))
  return numbers ? labels.sort((a, b) => Number(a) - Number(b)) : labels.sort()
}
