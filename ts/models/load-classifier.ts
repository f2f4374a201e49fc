/** Loads a classifier whose family its directory tells: a row for each. */
import { optionsOf } from '../check'
import type { Labelled } from '../data/labelled'
import type { Precision } from '../precision'
import { MaxEnt } from './baselines/max-ent'
import { NaiveBayes } from './baselines/naive-bayes'
import { maxEntOptions, naiveBayesOptions } from './baselines/options'
import type { BaselineScore } from './parts/prediction'
import { FastTextClassifier } from './embeddings/classifier'
import { fastTextOptions } from './embeddings/classifier-options'
import { TextClassifier } from './classifier/model'
import type { Prediction } from './classifier/prediction'
import { classifierOptions, type DocumentMerge } from './classifier/options'
import { familyOf } from './family-of'

/** What all classifiers have. */
export interface Classifier extends AsyncDisposable {
  /** Texts of an example: more than one are a list. */
  readonly fields: number
  /** How good it is, on examples with labels. */
  evaluate(examples: Iterable<Labelled> | AsyncIterable<Labelled>): Promise<BaselineScore>
  /** What it takes each text for. */
  predict(
    texts: readonly (string | readonly string[])[],
    options?: { top?: number | undefined; document?: DocumentMerge | undefined },
  ): Promise<Prediction[]>
}

/** Options of {@link loadClassifier}. */
export interface LoadClassifierOptions {
  /** Of a network: what to multiply in. Default: as it was saved. */
  precision?: Precision | undefined
}

type Load = (directory: string, options: LoadClassifierOptions) => Promise<Classifier>

const FAMILIES = new Map<unknown, Load>([
  [classifierOptions.type, (directory, options) => TextClassifier.load(directory, options)],
  [naiveBayesOptions.type, (directory) => NaiveBayes.load(directory)],
  [maxEntOptions.type, (directory) => MaxEnt.load(directory)],
  [fastTextOptions.type, (directory) => FastTextClassifier.load(directory)],
])

/**
 * Loads what a `TextClassifier`, a `FastTextClassifier`, a `NaiveBayes` or a `MaxEnt` has saved. `ERR_IO`; `ERR_FORMAT` for another model.
 *
 *     await using classifier = await loadClassifier('runs/sentiment')
 *     const [{ label }] = await classifier.predict(['a joy'])
 */
export async function loadClassifier(
  directory: string,
  options: LoadClassifierOptions = {},
): Promise<Classifier> {
  const given = optionsOf('load', options, { precision: true })
  const load = await familyOf(directory, FAMILIES)
  return load(directory, given)
}
