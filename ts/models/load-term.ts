/** Loads what may have a say in a search, whose family its directory tells: a row for each. */
import type { TermModel } from '../decode'
import { familyOf } from './family-of'
import { LanguageModel } from './language/model'
import { languageOptions } from './language/options'
import { NgramModel } from './ngram/model'
import { ngramOptions } from './ngram/options'

const FAMILIES = new Map<unknown, (directory: string) => Promise<TermModel>>([
  [languageOptions.type, (directory) => LanguageModel.load(directory)],
  [ngramOptions.type, (directory) => NgramModel.load(directory)],
])

/** `ERR_IO`; `ERR_FORMAT` for another model. */
export async function loadTerm(directory: string): Promise<TermModel> {
  const load = await familyOf(directory, FAMILIES)
  return load(directory)
}
