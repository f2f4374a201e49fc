import { RnnativeError } from '../errors'
import type { Precision } from '../tensor/precision'
import type { CellName, LanguageNetworkOptions } from './language-network'

const MODEL_TYPE = 'rnnative.LanguageModel'

/** `config.json` of a saved language model. */
export const toLanguageConfig = (options: LanguageNetworkOptions, seed: number): object => ({
  model_type: MODEL_TYPE,
  version: 1,
  ...options,
  seed,
})

/** Checks a `config.json`; `ERR_FORMAT` names what is wrong. */
export function parseLanguageConfig(
  json: unknown,
  path: string,
): LanguageNetworkOptions & { seed: number } {
  const fail = (problem: string) => new RnnativeError('ERR_FORMAT', `[load] ${path}: ${problem}`)
  if (typeof json !== 'object' || json === null) throw fail('expected an object')
  const config = json as Record<string, unknown>
  if (config['model_type'] !== MODEL_TYPE)
    throw fail(`model_type: expected ${MODEL_TYPE}, got ${String(config['model_type'])}`)
  const size = (name: string, least: number): number => {
    const value = config[name]
    if (!Number.isSafeInteger(value) || (value as number) < least)
      throw fail(`${name}: expected a whole number of at least ${least}, got ${String(value)}`)
    return value as number
  }
  const { cell, dropout, tieWeights, precision = 'f32' } = config
  if (!['lstm', 'gru', 'rnn'].includes(cell as string))
    throw fail(`cell: expected lstm, gru or rnn, got ${String(cell)}`)
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
    throw fail(`dropout: expected a number in [0, 1), got ${String(dropout)}`)
  if (!['f32', 'bf16'].includes(precision as string))
    throw fail(`precision: expected f32 or bf16, got ${String(precision)}`)
  return {
    cell: cell as CellName,
    layers: size('layers', 1),
    hidden: size('hidden', 1),
    embedding: size('embedding', 1),
    dropout,
    tieWeights: tieWeights === true,
    precision: precision as Precision,
    seed: size('seed', 0),
  }
}
