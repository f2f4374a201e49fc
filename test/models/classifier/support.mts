import { optim, TextClassifier, type ClassifierFitOptions, type Labelled } from 'rnnative'

const SUBJECTS = 'the film,this story,a plot,the cast,our evening'.split(',')
const WORDS = {
  bad: 'dull,awful,a bore,lifeless'.split(','),
  fair: 'passable,so so,decent,watchable'.split(','),
  good: 'a joy,great,lovely,brilliant'.split(','),
}
export const LABELS = ['bad', 'fair', 'good'] as const

/** Sentences whose label one word tells: learnable, and always the same. */
export function makeExamples(count: number, seed = 1): Labelled[] {
  let state = seed
  const draw = <T,>(from: readonly T[]): T => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return from[(state >> 8) % from.length] as T
  }
  return Array.from({ length: count }, () => {
    const label = draw(LABELS)
    const text = `${draw(SUBJECTS)} was ${draw(['', 'really ', 'truly '])}${draw(WORDS[label])}`
    return { text, label }
  })
}

export const examples = makeExamples(90)

export const makeClassifier = (
  options: Partial<Parameters<typeof TextClassifier.for>[1]> = {},
  of: readonly Labelled[] = examples,
): Promise<TextClassifier> =>
  TextClassifier.for(of, { unit: 'space', hidden: 10, embedding: 8, seed: 3, ...options })

/** Small and quick; dropout, momentum of the optimizer and a schedule with state take part. */
export const fitOptions = (): ClassifierFitOptions => ({
  batch: 16,
  optimizer: optim.adam({ lr: 0.02 }),
  validation: makeExamples(20, 2),
  schedule: optim.schedule.plateau({ gamma: 0.7 }),
})

export async function weightsOf(model: TextClassifier): Promise<Record<string, number[]>> {
  const read = [...model.network.stateDict()].map(
    async ([name, parameter]): Promise<[string, number[]]> => [name, [...(await parameter.data())]],
  )
  return Object.fromEntries(await Promise.all(read))
}
