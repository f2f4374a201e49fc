import { checkWhole } from '../../check'
import { expect, RnnativeError } from '../../errors'
import { checkPrecision } from '../../precision'
import { cellOf, type LanguageNetworkOptions } from './network'

const MODEL_TYPE = 'rnnative.LanguageModel'

/** Throws `ERR_ARGUMENT` for a value that makes no sense. */
export function checkLanguageOptions(options: LanguageNetworkOptions, seed: number): void {
  const op = 'language model'
  const { cell, dropout, tieWeights, precision } = options
  cellOf(op, cell)
  for (const name of ['layers', 'hidden', 'embedding'] as const)
    checkWhole(op, name, options[name], 1)
  const share = typeof dropout === 'number' && dropout >= 0 && dropout < 1
  expect(op, 'dropout', share, 'a number in [0, 1)', dropout)
  expect(op, 'tieWeights', typeof tieWeights === 'boolean', 'true or false', tieWeights)
  checkPrecision(op, precision)
  checkWhole(op, 'seed', seed, 0)
}

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
  const { cell, layers, hidden, embedding, dropout, tieWeights, precision = 'f32', seed } = config
  const options = { cell, layers, hidden, embedding, dropout, tieWeights, precision }
  try {
    const found = { ...(options as LanguageNetworkOptions), seed: seed as number }
    checkLanguageOptions(found, found.seed)
    return found
  } catch (error) {
    throw error instanceof RnnativeError ? fail(error.message) : error
  }
}
