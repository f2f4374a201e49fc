/** `fitted.json`: what a fit found out about its data. */
import { isListOf, isObject } from '../../check'
import { RnnativeError } from '../../errors'
import { readJson } from '../../io/files'
import type { Fitted } from './scales'

export const FITTED_FILE = 'fitted.json'

const finite = (x: unknown): boolean => Number.isFinite(x)
const isScale = (x: unknown): boolean =>
  isObject(x) && finite(x['mean']) && finite(x['deviation']) && (x['deviation'] as number) > 0
const isScales = (x: unknown): boolean =>
  isObject(x) &&
  isListOf(x['columns'], isScale) &&
  isListOf(x['seasonal'], (one) => one === null || finite(one))
const isPlace = (x: unknown): boolean => x === null || finite(x)

/** Null where the model was saved before it was fitted. `ERR_FORMAT`. */
export async function parseFitted(path: string): Promise<Fitted | null> {
  const json = await readJson(path)
  if (json === null) return null
  const valid =
    isObject(json) &&
    isObject(json['scales']) &&
    Object.values(json['scales']).every(isScales) &&
    isScales(json['others']) &&
    typeof json['frequency'] === 'string' &&
    finite(json['season']) &&
    isObject(json['splits']) &&
    ['validation', 'test'].every((name) =>
      isPlace((json['splits'] as Record<string, unknown>)[name]),
    )
  if (!valid) throw new RnnativeError('ERR_FORMAT', `[load] ${path}: expected scales by series`)
  return json as unknown as Fitted
}
