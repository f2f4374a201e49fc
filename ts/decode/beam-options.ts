import { checkFlag, checkPositive, checkSignal, checkWhole, mostRows, optionsOf } from '../check'
import type { Names } from '../check'
import { expect } from '../errors'
import type { AbortSignalLike } from '../signal'
import { checkLimits, LIMIT_NAMES, type LimitOptions } from './limits'
import type { Limits } from './limits'
import type { StepModel } from './step-model'

/** Hypotheses kept for a source, unless told. */
export const DEFAULT_BEAM = 5

export interface BeamOptions extends LimitOptions {
  /** Hypotheses kept at a step, over all groups; 1 is greedy decoding. Default 5. */
  beam?: number | undefined
  /** Hypotheses to return, at most `beam`. Default 1. */
  nBest?: number | undefined
  /** Exponent of ((5 + n) / 6); 0: none. Default 0. */
  lengthPenalty?: number | undefined
  /** Weight of the coverage of the source; needs a model with attention. Default 0. */
  coveragePenalty?: number | undefined
  /** No n-gram of this many tokens occurs twice in a hypothesis; 0: no matter. Default 0. */
  blockNgrams?: number | undefined
  /** Groups of `beam / groups` hypotheses, each kept from the choices of those before. Default 1. */
  groups?: number | undefined
  /** Nats taken off a token for each time an earlier group chose it at this step. Default 0.5. */
  diversity?: number | undefined
  /** Whether to return the attention of each step; needs a model with attention. Default false. */
  alignments?: boolean | undefined
  /** Ends the search with `ERR_ABORTED`. */
  signal?: AbortSignalLike | undefined
}

export const BEAM_NAMES: Names<BeamOptions> = {
  ...LIMIT_NAMES,
  ...{ beam: true, nBest: true, lengthPenalty: true, coveragePenalty: true, blockNgrams: true },
  ...{ groups: true, diversity: true, alignments: true, signal: true },
}

export interface BeamSettings extends Limits {
  /** The model's `bos` and `eos`. */
  readonly start: number
  readonly end: number
  readonly beam: number
  readonly nBest: number
  readonly lengthPenalty: number
  readonly coveragePenalty: number
  readonly blockNgrams: number
  readonly groups: number
  /** Hypotheses of a group. */
  readonly width: number
  readonly diversity: number
  readonly alignments: boolean
  /** The model's. */
  readonly risesUntil: number
}

/** Throws `ERR_ARGUMENT` naming the first option that makes no sense. */
export function checkBeam(model: StepModel, options: BeamOptions): BeamSettings {
  const op = 'beam'
  const {
    beam = DEFAULT_BEAM,
    nBest = 1,
    lengthPenalty = 0,
    coveragePenalty = 0,
  } = optionsOf(op, options, BEAM_NAMES)
  const { blockNgrams = 0, groups = 1, diversity = 0.5, alignments = false } = options
  checkWhole(op, 'beam', beam, 1, mostRows(model.sources))
  checkWhole(op, 'nBest', nBest, 1)
  expect(op, 'nBest', nBest <= beam, `at most the beam of ${beam}`, nBest)
  checkPositive(op, 'lengthPenalty', lengthPenalty)
  checkPositive(op, 'coveragePenalty', coveragePenalty)
  checkWhole(op, 'blockNgrams', blockNgrams, 0)
  checkWhole(op, 'groups', groups, 1)
  expect(op, 'groups', beam % groups === 0, `a divisor of the beam of ${beam}`, groups)
  checkPositive(op, 'diversity', diversity)
  checkFlag(op, 'alignments', alignments)
  checkSignal(op, options.signal)
  if (model.sourceLengths === null) {
    const where = 'for a model without attention'
    expect(op, 'coveragePenalty', coveragePenalty === 0, `0 ${where}`, coveragePenalty)
    expect(op, 'alignments', !alignments, `false ${where}`, alignments)
  }
  return {
    ...checkLimits(op, model, options),
    ...{ start: model.bos, end: model.eos, risesUntil: model.risesUntil ?? 0 },
    ...{ beam, nBest, lengthPenalty, coveragePenalty, blockNgrams },
    ...{ groups, width: beam / groups, diversity, alignments },
  }
}
