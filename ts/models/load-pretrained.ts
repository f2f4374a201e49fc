/** Loads what a classifier may begin with, whose family its directory tells: a row for each. */
import { Autoencoder } from './autoencoder/model'
import { autoencoderOptions } from './autoencoder/options'
import { familyOf } from './family-of'
import { LanguageModel } from './language/model'
import { languageOptions } from './language/options'

/** What {@link loadPretrained} gives, and a classifier begins with. */
export type PretrainedModel = LanguageModel | Autoencoder

const FAMILIES = new Map<unknown, (directory: string) => Promise<PretrainedModel>>([
  [languageOptions.type, (directory) => LanguageModel.load(directory)],
  [autoencoderOptions.type, (directory) => Autoencoder.load(directory)],
])

/**
 * Loads what a `LanguageModel` or an `Autoencoder` has saved. `ERR_IO`; `ERR_FORMAT` for another model.
 *
 *     await using pretrained = await loadPretrained('runs/texts')
 *     const classifier = await TextClassifier.for(examples, { pretrained })
 */
export async function loadPretrained(directory: string): Promise<PretrainedModel> {
  const load = await familyOf(directory, FAMILIES)
  return load(directory)
}
