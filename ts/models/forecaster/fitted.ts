/** `fitted.json`: what a fit found out about its data. */
import { isListOf, isObject, whole } from '../../check'
import { parseFrequency } from '../../data/series'
import { RnnativeError } from '../../errors'
import { readJson } from '../../io/files'
import type { Fitted } from './scales'

export const FITTED_FILE = 'fitted.json'

/** Columns of numbers, and how many of them are targets. */
interface Sizes {
  columns: number
  targets: number
}

const finite = (x: unknown): boolean => Number.isFinite(x)
const isScale = (x: unknown): boolean =>
  isObject(x) && finite(x['mean']) && finite(x['deviation']) && (x['deviation'] as number) > 0
const isScales = (x: unknown, { columns, targets }: Sizes): boolean =>
  isObject(x) &&
  isListOf(x['columns'], isScale) &&
  (x['columns'] as unknown[]).length === columns &&
  isListOf(x['seasonal'], (one) => one === null || finite(one)) &&
  (x['seasonal'] as unknown[]).length === targets
const isPlace = (x: unknown): boolean => x === null || finite(x)

/** Null where the model was saved before it was fitted. `ERR_FORMAT`. */
export async function parseFitted(path: string, sizes: Sizes): Promise<Fitted | null> {
  const json = await readJson(path)
  if (json === null) return null
  const valid =
    isObject(json) &&
    isObject(json['scales']) &&
    [...Object.values(json['scales']), json['others']].every((of) => isScales(of, sizes)) &&
    typeof json['frequency'] === 'string' &&
    parseFrequency(json['frequency']) !== null &&
    whole(json['season'], 1) &&
    isObject(json['splits']) &&
    ['validation', 'test'].every((name) =>
      isPlace((json['splits'] as Record<string, unknown>)[name]),
    )
  if (!valid)
    throw new RnnativeError(
      'ERR_FORMAT',
      `[load] ${path}: expected scales by series, frequency and season, as a fit of this model finds them`,
    )
  return json as unknown as Fitted
}
