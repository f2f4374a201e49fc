import { checkFinite, isListOf, isObject, optionsOf } from '../check'
import type { Source } from '../data'
import { expect } from '../errors'
import { LanguageModel } from './language/model'
import { NgramModel } from './ngram/model'
import { Seq2Seq } from './seq2seq/model'
import type { Translation } from './seq2seq/candidate'

/** A model that has a say in the ranking of candidates. */
export interface RescoringTerm {
  /** Scores a target given its source, or (a language or n-gram model) a target alone. */
  model: Seq2Seq | LanguageModel | NgramModel
  /** What its log-probability is multiplied by. */
  weight: number
}

/**
 * Ranks the n-best candidates of each source anew, by a weighted sum: `weight` times the score that
 * they were found with, and each term's weight times its log-probability (Sutskever et al. 2014,
 * section 3.7, rescore a baseline's 1000-best list so). Throws `ERR_ARGUMENT` for what does not fit.
 */
export async function rescore(
  sources: readonly Source[],
  translations: readonly Translation[],
  terms: readonly RescoringTerm[],
  options: { weight?: number | undefined } = {},
): Promise<Translation[]> {
  const op = 'rescore'
  const { weight = 1 } = optionsOf(op, options, { weight: true })
  checkFinite(op, 'weight', weight)
  expect(op, 'sources', Array.isArray(sources), 'a list of sources', sources)
  const scored = (x: unknown) => isObject(x) && typeof x['score'] === 'number'
  const lists = isListOf(translations, (x) => isObject(x) && isListOf(x['nBest'], scored))
  expect(op, 'translations', lists, 'what translate gave', translations)
  expect(op, 'terms', isListOf(terms, isObject), 'a list of { model, weight }', terms)
  expect(op, 'sources', sources.length === translations.length, `${translations.length}`, sources)
  const pairs = translations.flatMap(({ nBest }, i) =>
    nBest.map(({ text }) => [sources[i] as Source, text] as const),
  )
  // Who has no say has none of what is impossible, either.
  const weighted = (share: number, value: number) => (share === 0 ? 0 : share * value)
  const totals = translations.flatMap(({ nBest }) =>
    nBest.map(({ score }) => weighted(weight, score)),
  )
  for (const [i, { model, weight: share }] of terms.entries()) {
    checkFinite(op, `terms[${i}].weight`, share)
    const found = await logProbabilities(`terms[${i}].model`, model, pairs)
    found.forEach((value, at) => (totals[at]! += weighted(share, value)))
  }
  let next = 0
  return translations.map((translation) => {
    const nBest = translation.nBest
      .map((candidate) => ({ ...candidate, score: totals[next++] as number }))
      .sort((a, b) => b.score - a.score)
    return { ...translation, ...nBest[0], nBest }
  })
}

async function logProbabilities(
  name: string,
  model: Seq2Seq | LanguageModel | NgramModel,
  pairs: readonly (readonly [Source, string])[],
): Promise<number[]> {
  if (model instanceof LanguageModel || model instanceof NgramModel)
    return model.score(pairs.map(([, target]) => target))
  const known = 'a Seq2Seq, a LanguageModel or an NgramModel'
  expect('rescore', name, model instanceof Seq2Seq, known, model)
  return (await model.score(pairs)).map(({ logProbability }) => logProbability)
}
