import { checkFinite, checkText, checkWhole, isListOf, optionsOf } from '../check'
import { expect, RnnativeError } from '../errors'
import { languageScore, countCharacters, type LanguageScore } from '../metrics/language'
import type { Tokenizer } from '../text'
import { sameTokens } from '../text/tokenizer'
import { LanguageModel } from './language/model'
import { NgramModel } from './ngram/model'

/** What has a say in the probability of a next token. */
export type TokenModel = LanguageModel | NgramModel

/** Beyond this nothing changes that a perplexity's digits show. */
const ROUNDS = 50

/**
 * Several models of the same tokens as one: its probability of a token is the weighted mean of theirs (Jelinek & Mercer 1980).
 *
 * ```ts
 * const both = new Interpolated([lm, ngram])
 * await both.tune(validation)
 * const { perplexity } = await both.evaluate(test)
 * ```
 */
export class Interpolated {
  /** What is mixed, in the order of the weights. */
  readonly models: readonly TokenModel[]
  private shares: readonly number[]

  /**
   * `weights`: one each, in any scale; equal ones unless given. `ERR_ARGUMENT` unless all models have the same tokens, line ends
   * among them.
   */
  constructor(
    models: readonly TokenModel[],
    options: { weights?: readonly number[] | undefined } = {},
  ) {
    const op = 'interpolate'
    const { weights } = optionsOf(op, options, { weights: true })
    const isModel = (x: unknown) => x instanceof LanguageModel || x instanceof NgramModel
    const valid = isListOf(models, isModel) && models.length > 0
    expect(op, 'models', valid, 'a list of LanguageModels and NgramModels', models)
    const [{ tokenizer }] = models as [TokenModel]
    for (const [i, model] of models.entries()) {
      const alike = sameTokens(tokenizer, model.tokenizer)
      expect(op, `models[${i}]`, alike, 'the tokens of models[0]', 'other tokens')
    }
    expect(op, 'tokenizer', tokenizer.lineEnd !== undefined, 'one with line ends', 'one without')
    this.models = models.slice()
    this.shares = scaled(op, weights ?? models.map(() => 1), models.length)
  }

  /** Their sum is 1. */
  get weights(): readonly number[] {
    return this.shares
  }

  /** The models' own. */
  get tokenizer(): Tokenizer {
    return this.models[0]!.tokenizer
  }

  /** As of the models. */
  async surprisals(text: string): Promise<Float64Array> {
    const all = await this.ofEach('surprisals', text)
    return mixed(all, this.shares)
  }

  /** The weights under which a text, of validation, has most probability; by expectation-maximisation. */
  async tune(
    text: string,
    options: { rounds?: number | undefined } = {},
  ): Promise<readonly number[]> {
    const { rounds = ROUNDS } = optionsOf('tune', options, { rounds: true })
    checkWhole('tune', 'rounds', rounds, 1)
    const all = await this.ofEach('tune', text)
    const { length } = all[0] as Float64Array
    let shares = this.models.map(() => 1 / this.models.length)
    for (let round = 0; round < rounds; ++round) {
      const nats = mixed(all, shares)
      const sums = shares.map(() => 0)
      for (let at = 1; at < length; ++at)
        for (const [i, one] of all.entries())
          sums[i]! += (shares[i] as number) * Math.exp((nats[at] as number) - (one[at] as number))
      const whole = sums.reduce((a, b) => a + b, 0)
      shares = sums.map((sum) => sum / whole)
    }
    this.shares = Object.freeze(shares)
    return this.shares
  }

  /** Scores every token but the first, as `LanguageModel.evaluate`. */
  async evaluate(text: string): Promise<LanguageScore> {
    const nats = mixed(await this.ofEach('evaluate', text), this.shares)
    const total = nats.subarray(1).reduce((a, b) => a + b, 0)
    const { tokenizer } = this
    const [first = ''] = tokenizer.pieces(text.slice(0, FIRST))
    return languageScore(total, nats.length - 1, countCharacters(text) - countCharacters(first))
  }

  private async ofEach(op: string, text: string): Promise<Float64Array[]> {
    checkText(op, 'text', text)
    const all: Float64Array[] = []
    for (const model of this.models) all.push(await model.surprisals(text))
    if ((all[0] as Float64Array).length < 2)
      throw new RnnativeError('ERR_EMPTY', `[${op}] text: expected at least 2 tokens`)
    return all
  }
}

/** More than a first token has. */
const FIRST = 1000

function scaled(op: string, weights: readonly number[], count: number): readonly number[] {
  const valid =
    isListOf(weights, (x) => typeof x === 'number' && x >= 0) && weights.length === count
  expect(op, 'weights', valid, `${count} numbers of at least 0`, weights)
  const whole = weights.reduce((a, b) => a + b, 0)
  checkFinite(op, 'weights', whole)
  expect(op, 'weights', whole > 0, 'any above 0', weights)
  return Object.freeze(weights.map((weight) => weight / whole))
}

function mixed(all: readonly Float64Array[], shares: readonly number[]): Float64Array {
  return (all[0] as Float64Array).map((_, at) => {
    let sum = 0
    for (const [i, nats] of all.entries())
      sum += (shares[i] as number) * Math.exp(-(nats[at] as number))
    return -Math.log(sum)
  })
}
