/** Other models that have a say in what a search chooses (shallow fusion, Gülçehre et al. 2015). */
import { checkFinite, checkFunction, checkWhole, isListOf, isObject, whole } from '../check'
import { expect } from '../errors'
import { noGrad, scope } from '../tensor'
import * as ops from '../ops'
import type { Tokenizer } from '../text'
import { sameTokens } from '../text/tokenizer'
import {
  checkModel,
  disposeOutput,
  type Decoding,
  type StepModel,
  type StepOutput,
} from './step-model'

/** What says how likely the next token of a text is, without a source: a `LanguageModel`, an `NgramModel`. */
export interface TermModel {
  /**
   * @internal It over the tokens of `target`, for so many texts side by side; its logits are logarithms of probabilities.
   * `ERR_ARGUMENT` where these are not its own tokens.
   */
  predicting(target: Tokenizer, sources: number): { model: StepModel; dispose(): void }
}

/** Another model that a search listens to. */
export interface SearchTerm {
  /** What it asks. */
  model: TermModel
  /** What its log-probabilities are multiplied by; below 0, what it thinks likely is avoided. */
  weight: number
  /** Only the first so many tokens are weighed. Default: all, the end included. */
  first?: number | undefined
}

/** A term of a search, for the sources of one batch. */
export interface OpenTerm {
  /** Gives logarithms of probabilities, over the searched model's vocabulary. */
  model: StepModel
  /** What its log-probabilities are multiplied by. */
  weight: number
  /** Only the first so many tokens are weighed. */
  first: number
}

export function checkTerms(op: string, terms: readonly SearchTerm[]): void {
  expect(op, 'terms', isListOf(terms, isObject), 'a list of { model, weight }', terms)
  for (const [i, { model, weight, first }] of terms.entries()) {
    const { predicting } = isObject(model) ? model : {}
    const valid = typeof predicting === 'function'
    expect(op, `terms[${i}].model`, valid, 'a LanguageModel or an NgramModel', model)
    checkFunction(op, `terms[${i}].model.predicting`, predicting)
    checkFinite(op, `terms[${i}].weight`, weight)
    if (first !== undefined) checkWhole(op, `terms[${i}].first`, first, 0)
  }
}

/** The ordinary tokens that a term and a target share; `ERR_ARGUMENT` unless all are the same, with line ends. */
export function sharedTokens(
  op: string,
  own: Tokenizer,
  target: Tokenizer,
): { count: number; lineEnd: number } {
  const count = target.begin ?? target.size
  const alike = sameTokens(own.withBoundaries(), target)
  expect(op, 'terms', alike, 'models of the tokens that are written', 'others')
  const { lineEnd } = own
  expect(op, 'terms', lineEnd !== undefined, 'models of tokens with line ends', 'one without')
  return { count, lineEnd: lineEnd as number }
}

const isFirst = (first: unknown): boolean => first === Infinity || whole(first, 0)

/**
 * The model with terms: a search ranks by its log-probability and, `weight` times, theirs. Log-probabilities that are
 * told are the model's own.
 */
export function withTerms(model: StepModel, terms: readonly OpenTerm[]): StepModel {
  checkModel('terms', model)
  const { vocabulary, bos, eos, sources, sourceLengths } = model
  expect('terms', 'terms', isListOf(terms, isObject), 'a list of { model, weight, first }', terms)
  for (const [i, term] of terms.entries()) {
    checkModel('terms', term.model)
    checkFinite('terms', `[${i}].weight`, term.weight)
    expect('terms', `[${i}].first`, isFirst(term.first), 'a whole number or Infinity', term.first)
    for (const name of ['vocabulary', 'sources'] as const) {
      const same = term.model[name] === model[name]
      expect('terms', `[${i}].${name}`, same, `the model's ${model[name]}`, term.model[name])
    }
  }
  // As long as something is taken off what others think likely, scores may rise.
  const rising = terms.map(({ weight, first }) => (weight < 0 ? first : 0))
  return {
    ...{ vocabulary, bos, eos, sources, sourceLengths },
    risesUntil: Math.max(0, ...rising),
    start: (beams) => new Weighed(model, terms, beams),
  }
}

/** A model that gives logarithms of probabilities, as terms do. */
export function normalised(model: StepModel): StepModel {
  const { vocabulary, bos, eos, sources } = model
  return {
    ...{ vocabulary, bos, eos, sources, sourceLengths: null },
    start(beams) {
      const decoding = model.start(beams)
      return {
        step(tokens) {
          const output = decoding.step(tokens)
          try {
            return { logits: noGrad(() => ops.logSoftmax(output.logits, -1)), attention: null }
          } finally {
            disposeOutput(output)
          }
        },
        take: (rows, kept) => decoding.take(rows, kept),
        dispose: () => decoding.dispose(),
      }
    },
  }
}

class Weighed implements Decoding {
  private readonly own: Decoding
  private readonly others: Decoding[] = []
  private steps = 0

  constructor(
    model: StepModel,
    private readonly terms: readonly OpenTerm[],
    beams: number,
  ) {
    this.own = model.start(beams)
    try {
      for (const term of terms) this.others.push(term.model.start(beams))
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  step(tokens: Int32Array): StepOutput {
    const output = this.own.step(tokens)
    const outputs: StepOutput[] = []
    try {
      for (const other of this.others) outputs.push(other.step(tokens))
      const bonus = scope(() =>
        noGrad(() => {
          const weighed = outputs.flatMap(({ logits }, i) => {
            const { weight, first } = this.terms[i] as OpenTerm
            return this.steps < first && weight !== 0 ? [ops.affine(logits, weight, 0)] : []
          })
          return weighed.length === 0 ? null : weighed.reduce((sum, x) => ops.add(sum, x))
        }),
      )
      ++this.steps
      return { ...output, bonus }
    } catch (error) {
      disposeOutput(output)
      throw error
    } finally {
      outputs.forEach(disposeOutput)
    }
  }

  take(rows: Int32Array, sources: Int32Array): void {
    this.own.take(rows, sources)
    for (const other of this.others) other.take(rows, sources)
  }

  dispose(): void {
    this.own.dispose()
    for (const other of this.others) other.dispose()
  }
}
