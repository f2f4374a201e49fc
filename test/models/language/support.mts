import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  LanguageModel,
  optim,
  Tokenizer,
  type LanguageFitOptions,
  type LanguageModelOptions,
} from 'rnnative'

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rnnative-'))

const WORDS = 'the whale swam and ship sailed over sea while captain watched white waves'.split(' ')

/** Sentences drawn from a few words: learnable, and always the same. */
export function makeText(words: number, seed = 1): string {
  let state = seed
  const pieces = Array.from({ length: words }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return WORDS[(state >> 8) % WORDS.length] as string
  })
  return pieces.join(' ')
}

export const text = makeText(600)
export const tokenizer = Tokenizer.characters(text)

export const makeModel = (options: Partial<LanguageModelOptions> = {}): LanguageModel =>
  new LanguageModel({ tokenizer, layers: 2, hidden: 12, embedding: 8, seed: 3, ...options })

/** Small and quick; dropout, momentum of the optimizer and a schedule with state take part. */
export const fitOptions = (): LanguageFitOptions => ({
  batch: 6,
  steps: 10,
  optimizer: optim.adam({ lr: 0.01 }),
  validation: makeText(60, 2),
  schedule: optim.schedule.plateau({ gamma: 0.7 }),
})

/** All parameters' values, by name. */
export async function weightsOf(model: LanguageModel): Promise<Record<string, number[]>> {
  const read = [...model.network.stateDict()].map(
    async ([name, parameter]): Promise<[string, number[]]> => [name, [...(await parameter.data())]],
  )
  return Object.fromEntries(await Promise.all(read))
}

export function largestDifference(
  a: Record<string, number[]>,
  b: Record<string, number[]>,
): number {
  let largest = 0
  for (const [name, values] of Object.entries(a)) {
    const scale = Math.max(...values.map(Math.abs), 1e-30)
    values.forEach((value, i) => {
      largest = Math.max(largest, Math.abs(value - (b[name]?.[i] ?? NaN)) / scale)
    })
  }
  return largest
}
