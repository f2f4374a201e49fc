import { checkChoice, checkNames } from '../check'
import { inStretches } from '../pauses'
import { measuringBleu, type BleuOptions, type BleuScore } from './bleu'
import { measuringChrf, type ChrfOptions } from './chrf'
import type { CorpusScore, Measuring, References } from './corpus'
import { measuringExactMatch, type ExactMatchScore } from './exact-match'
import { measuringRouge, type RougeOptions, type RougeScore } from './rouge'
import { measuringTer, type TerScore } from './ter'
import { measuringTokenErrorRate, type TokenErrorRate } from './token-error-rate'

type None = Record<never, never>

/** What can be measured over a corpus: the options and what comes of it. */
export interface Measures {
  /** See {@link bleu}. */
  bleu: { options: BleuOptions; score: BleuScore }
  /** See {@link chrf}. */
  chrf: { options: ChrfOptions; score: CorpusScore }
  /** See {@link ter}. */
  ter: { options: None; score: TerScore }
  /** See {@link tokenErrorRate}. */
  tokenErrorRate: { options: None; score: TokenErrorRate }
  /** See {@link exactMatch}. */
  exactMatch: { options: None; score: ExactMatchScore }
  /** See {@link rouge}. */
  rouge: { options: RougeOptions; score: RougeScore }
}

type Measure<Options, Score> = (
  hypotheses: readonly string[],
  references: readonly References[],
  options: Options,
) => Measuring<Score>

const measures: { [M in keyof Measures]: Measure<Measures[M]['options'], Measures[M]['score']> } = {
  bleu: measuringBleu,
  chrf: measuringChrf,
  ter: measuringTer,
  tokenErrorRate: measuringTokenErrorRate,
  exactMatch: measuringExactMatch,
  rouge: measuringRouge,
}

const OPTIONS: readonly string[] = ['bleu', 'chrf', 'rouge'] satisfies (keyof Measures)[]

/**
 * What the function of that name gives. Those compute until they are done, over a large corpus for seconds; this one leaves
 * the event loop to others every few milliseconds.
 *
 *     const { score } = await metrics.measure('bleu', hypotheses, references, { tokenize: 'none' })
 */
export async function measure<M extends keyof Measures>(
  metric: M,
  hypotheses: readonly string[],
  references: readonly References[],
  options: Measures[M]['options'] = {},
): Promise<Measures[M]['score']> {
  checkChoice('measure', 'metric', metric, Object.keys(measures))
  if (!OPTIONS.includes(metric)) checkNames('measure', options, {})
  const own = <T>(list: readonly T[]) => (Array.isArray(list) ? (list.slice() as T[]) : list)
  return inStretches(measures[metric](own(hypotheses), own(references), options))
}
