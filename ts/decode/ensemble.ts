import { checkChoice, isListOf, isObject, optionsOf, type Names } from '../check'
import { expect } from '../errors'
import { scope, type Tensor } from '../tensor'
import * as ops from '../ops'
import { disposeOutput } from './step-model'
import type { Decoding, QueuedSteps, StepModel, StepOutput } from './step-model'

/** Options of {@link ensemble}. */
export interface EnsembleOptions {
  /**
   * `log-linear`: the geometric mean of the members' distributions, normalised; `linear`: their
   * arithmetic mean (as Sutskever et al. 2014 combine models). Default 'log-linear'.
   */
  combine?: 'log-linear' | 'linear' | undefined
  /** Of each member, above 0; divided by their sum. Default: all the same. */
  weights?: readonly number[] | undefined
}

export const ENSEMBLE_NAMES: Names<EnsembleOptions> = { combine: true, weights: true }

/**
 * Several models of one batch of sources as one: they must agree about vocabulary, `bos` and `eos`.
 * Attention is averaged with the same weights where all members give it over the same positions,
 * else there is none. An ensemble of one model equals the model. Throws `ERR_ARGUMENT`, naming it,
 * for what does not fit.
 */
export function ensemble(members: readonly StepModel[], options: EnsembleOptions = {}): StepModel {
  const op = 'ensemble'
  const { combine = 'log-linear', weights } = optionsOf(op, options, ENSEMBLE_NAMES)
  expect(op, 'members', isListOf(members, isObject), 'a list of models', members)
  const [first, ...others] = members
  expect(op, 'members', first !== undefined, 'at least one model', members)
  const model = first as StepModel
  for (const name of ['vocabulary', 'bos', 'eos', 'sources'] as const)
    for (const other of others)
      expect(op, name, other[name] === model[name], `${model[name]} of all members`, other[name])
  checkChoice(op, 'combine', combine, ['log-linear', 'linear'])
  const given = weights ?? members.map(() => 1)
  const valid =
    Array.isArray(given) &&
    given.length === members.length &&
    given.every((w) => typeof w === 'number' && w > 0 && w < Infinity)
  expect(op, 'weights', valid, `${members.length} numbers above 0`, weights)
  const total = given.reduce((sum, w) => sum + w, 0)
  const shares = given.map((w) => w / total)
  const { vocabulary, bos, eos, sources } = model
  return {
    ...{ vocabulary, bos, eos, sources, sourceLengths: commonLengths(members) },
    start: (beams) => new Together(members, beams, shares, combine === 'linear'),
  }
}

function commonLengths(members: readonly StepModel[]): readonly number[] | null {
  const lengths = members[0]?.sourceLengths ?? null
  const same = (other: StepModel) =>
    other.sourceLengths?.every((length, i) => length === lengths?.[i]) ?? false
  return members.every(same) ? lengths : null
}

/** The decodings of the members, side by side. */
class Together implements Decoding {
  private readonly parts: Decoding[] = []
  readonly queued: QueuedSteps | null

  constructor(
    members: readonly StepModel[],
    beams: number,
    private readonly shares: readonly number[],
    private readonly linear: boolean,
  ) {
    try {
      for (const member of members) this.parts.push(member.start(beams))
    } catch (error) {
      this.dispose()
      throw error
    }
    this.queued = this.queuedOf(this.parts.flatMap(({ queued }) => queued ?? []))
  }

  /** Of all parts together, where all have it and read alike. */
  private queuedOf(all: readonly QueuedSteps[]): QueuedSteps | null {
    const reads = all[0]?.reads
    const alike = all.every(
      (one) => one.reads?.known === reads?.known && one.reads?.unknown === reads?.unknown,
    )
    if (all.length < this.parts.length || !alike) return null
    return {
      reads,
      step: (tokens) => this.join(all, (one) => one.step(tokens)),
      take: (rows) => all.forEach((one) => one.take(rows)),
    }
  }

  step(tokens: Int32Array): StepOutput {
    return this.join(this.parts, (part) => part.step(tokens))
  }

  private join<Part>(parts: readonly Part[], step: (part: Part) => StepOutput): StepOutput {
    const outputs: StepOutput[] = []
    try {
      for (const part of parts) outputs.push(step(part))
      return scope(() => ({
        logits: this.combine(outputs.map(({ logits }) => logits)),
        attention: this.attention(outputs),
      }))
    } finally {
      outputs.forEach(disposeOutput)
    }
  }

  take(rows: Int32Array, sources: Int32Array): void {
    for (const part of this.parts) part.take(rows, sources)
  }

  dispose(): void {
    for (const part of this.parts) part.dispose()
  }

  /** Weighted logits are a weighted geometric mean but for a constant per row. */
  private combine(logits: readonly Tensor[]): Tensor {
    if (!this.linear) return this.average(logits)
    return ops.log(this.average(logits.map((x) => ops.softmax(x, -1))))
  }

  private attention(outputs: readonly StepOutput[]): Tensor | null {
    const weights = outputs.flatMap(({ attention }) => attention ?? [])
    const same = weights.every(({ shape }) => shape[1] === weights[0]?.shape[1])
    return weights.length === outputs.length && same ? this.average(weights) : null
  }

  private average(xs: readonly Tensor[]): Tensor {
    return xs
      .map((x, i) => ops.affine(x, this.shares[i] as number, 0))
      .reduce((sum, x) => ops.add(sum, x))
  }
}
