import { isListOf, isObject } from '../../check'
import { RnnativeError } from '../../errors'
import { readJson } from '../../io/files'
import { inStretches } from '../../pauses'
import type { TermSettings } from '../parts/term-options'
import { Terms } from '../parts/terms'

/** The n-grams of a model, in the order of its weights' rows. */
export const TERMS_FILE = 'terms.json'

export const writtenTerms = async (terms: Terms): Promise<object> => ({
  version: 1,
  terms: await inStretches(terms.naming()),
})

/** `ERR_IO`; `ERR_FORMAT` for what is no list of different n-grams of these settings. */
export async function readTerms(path: string, settings: TermSettings): Promise<Terms> {
  const json = await readJson(path)
  const names = isObject(json) && json['version'] === 1 ? json['terms'] : undefined
  const listed = isListOf(names, (name) => typeof name === 'string') && (names as []).length > 0
  const terms = listed ? await inStretches(Terms.reading(settings, names as string[])) : null
  if (terms) return terms
  throw new RnnativeError(
    'ERR_FORMAT',
    `[load] ${path}: expected version 1 and terms, different n-grams of ${settings.ngrams.join(', ')} tokens`,
  )
}
