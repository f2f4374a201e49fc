import { Forecaster, optim, type ForecasterFitOptions, type ForecasterOptions } from 'rnnative'

export type Row = Record<string, string | number>

export const dayOf = (i: number): string =>
  new Date(Date.UTC(2020, 0, 1 + i)).toISOString().slice(0, 10)

/** A week that comes again, and what is known ahead of it. */
export const makeRows = (days: number): Row[] =>
  Array.from({ length: days }, (_, i) => ({
    ...{ date: dayOf(i), y: 50 + 10 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11) / 5 },
    ...{ z: 3 + Math.cos((2 * Math.PI * i) / 7), event: i % 9 === 4 ? 1 : 0 },
  }))

export const MODELS = ['direct', 'seq2seq', 'segments', 'deepar'] as const

export const makeModel = (options: Partial<ForecasterOptions> = {}): Forecaster =>
  new Forecaster({
    ...{ time: 'date', targets: ['y', 'z'], context: 14, horizon: 7, hidden: 8, seed: 3 },
    ...options,
  })

export const fitOptions = (): ForecasterFitOptions => ({
  ...{ validation: 0.2, test: 0.1, batch: 16, epochs: 2 },
  optimizer: optim.adam({ lr: 0.01 }),
})

/** What is asked of a model that draws; others refuse it. */
export const drawing = (model: string, options: { samples?: number; seed: number }) =>
  model === 'deepar' ? options : {}

/** All parameters' values, by name. */
export async function weightsOf(model: Forecaster): Promise<Record<string, number[]>> {
  const read = [...model.network.stateDict()].map(
    async ([name, parameter]): Promise<[string, number[]]> => [name, [...(await parameter.data())]],
  )
  return Object.fromEntries(await Promise.all(read))
}
