import { expect } from '../../errors'
import { ALONE, IGNORED, shareOf, TokenStreams } from '../../data'
import type { Feed, Portion, Share, Window } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import { AdaptiveSoftmax, penalties, type RecurrentState } from '../../nn'
import { tensor, zeros, type Tensor } from '../../tensor'
import { TOKEN_STEP } from '../../tensor/program'
import { streamKey } from '../../tensor/random'
import * as ops from '../../ops'
import { sendInputs } from '../../train/objective'
import type { BatchLoss, BatchPlace, Objective, StepInput } from '../../train/objective'
import { detachState } from '../parts/stack'
import type { LanguageNetwork } from './network'
import type { LanguagePenalties } from './options'

export interface LanguageWindow extends Window {
  /** Its number among those of all passes. */
  turn: number
}

/** Windows of parallel streams, each in `accumulate` portions of its rows. */
export class WindowFeed implements Feed<LanguageWindow> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private readonly streams: TokenStreams

  /** `text`: the digest of the tokens. */
  constructor(
    tokens: Int32Array,
    text: string,
    private readonly sizes: { batch: number; steps: number; accumulate: number },
    /** What a recorded step on these targets has room for, beside their number. */
    private readonly roomOf: (targets: Int32Array) => string = () => '',
  ) {
    const { batch, steps, accumulate } = sizes
    const most = `at most the batch of ${batch}`
    expect('fit', 'accumulate', accumulate <= batch, most, accumulate)
    this.streams = new TokenStreams(tokens, { batch, steps })
    this.identity = { batch, steps, tokens: tokens.length, text }
    this.facts = { tokens: tokens.length, batch }
  }

  get count(): number {
    return this.streams.windows * this.sizes.accumulate
  }

  *pass(
    pass: number,
    first: number,
    repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<LanguageWindow>> {
    const { batch, accumulate } = this.sizes
    const rowOf = (part: number) => Math.floor((part * batch) / accumulate)
    for (let i = first; i < this.count; ++i) {
      const part = i % accumulate
      const all = rowOf(part + 1) - rowOf(part)
      const [begin, end] = shareOf(all, share)
      const rows = end - begin
      const index = Math.floor(i / accumulate)
      const turn = pass * this.streams.windows + index
      const window = { ...this.streams.window(index, rowOf(part) + begin, rows), turn }
      const key = `${window.steps} ${rows}${repeating ? this.roomOf(window.targets) : ''}`
      const within = { first: begin, rows: all }
      yield { batch: window, items: window.targets.length, rows, key, within }
    }
  }
}

export interface LanguageTaskOptions {
  vocabulary: number
  /** What else a resumed run must share: the model's options and its tokenizer. */
  identity: Readonly<Record<string, unknown>>
  penalties: LanguagePenalties
  /** Of what a sampled softmax draws. */
  seed: number
  validate: Objective<LanguageWindow, RecurrentState>['validate']
  /** What it validates with; null: nothing. */
  validation: unknown
  files: () => Promise<CheckpointFiles>
}

/** Losses by token, and with `keepLogits` the logits, which else are made, used and gone in parts. */
function predict(
  network: LanguageNetwork,
  output: Tensor,
  targets: readonly Tensor[],
  keepLogits: boolean,
): { losses: Tensor; logits: Tensor | null } {
  if (!keepLogits) return { losses: network.losses(output, targets), logits: null }
  const logits = network.output.forward(output)
  return { losses: ops.crossEntropyLosses(logits, targets[0] as Tensor).losses, logits }
}

/** Of tokens as one sequence, the first of which is not predicted. */
export function meanLoss(network: LanguageNetwork, tokens: Int32Array): Tensor {
  const { device } = network
  const shape = [tokens.length - 1, 1]
  const { output } = network.forward(tensor(tokens.subarray(0, -1), shape, { device }), null)
  const targets = sendInputs(network.targetInputs(tokens.subarray(1), shape), device)
  return ops.mean(network.losses(output, targets))
}

const keyOf = (seed: number): Uint32Array => streamKey(seed, 'softmax')

/** Next-token prediction by truncated backpropagation through time over parallel streams. */
export class LanguageTask implements Objective<LanguageWindow, RecurrentState> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly repeats = true
  readonly validate: Objective<LanguageWindow, RecurrentState>['validate']
  readonly validation: unknown
  readonly settings: LanguagePenalties
  readonly files: () => Promise<CheckpointFiles>
  private key: Uint32Array

  constructor(
    readonly module: LanguageNetwork,
    { vocabulary, identity, penalties, seed, validate, validation, files }: LanguageTaskOptions,
  ) {
    this.identity = { model: 'LanguageModel', ...identity, vocabulary }
    this.facts = { vocabulary }
    this.validate = validate
    this.validation = validation
    this.settings = penalties
    this.key = keyOf(seed)
    this.files = files
  }

  reseed(seed: number): void {
    this.key = keyOf(seed)
  }

  inputs({ begin, steps, rows, inputs, targets, turn }: LanguageWindow): StepInput[] {
    const { positions } = this.module
    const [shape, random] = [[steps, rows], { key: this.key, step: turn, sampleBase: 0 }]
    const wanted = this.module.targetInputs(targets, shape, random)
    const tokens = [{ shape, data: inputs }, ...wanted]
    if (!positions) return tokens
    const data = Int32Array.from({ length: steps }, (_, i) => (begin + i) % positions.limit)
    return [...tokens, { shape: [steps, 1], data }]
  }

  /** A recorded step has room for so many of each cluster of an adaptive softmax. */
  roomOf(targets: Int32Array): string {
    const { output } = this.module
    if (!(output instanceof AdaptiveSoftmax)) return ''
    const [, ...tails] = output.parts(targets)
    const counts = tails.map((tail) => tail.reduce((sum, id) => sum + Number(id !== IGNORED), 0))
    return counts.map((count) => ` ${Math.ceil(count / TOKEN_STEP)}`).join('')
  }

  count({ targets }: LanguageWindow): number {
    return targets.length
  }

  loss(
    inputs: readonly Tensor[],
    window: LanguageWindow,
    { carried }: BatchPlace<RecurrentState>,
  ): BatchLoss<RecurrentState> {
    const [ids, ...others] = inputs as [Tensor, ...Tensor[]]
    const positions = this.module.positions ? others.pop() : undefined
    const { output, undropped, state } = this.module.forward(ids, carried, positions)
    const { losses, logits } = predict(
      this.module,
      output,
      others,
      this.settings.confidencePenalty > 0,
    )
    const penalties = this.penalties(output, undropped, logits)
    return {
      sum: ops.sum(losses),
      count: window.targets.length,
      penalties,
      carry: detachState(state),
    }
  }

  private penalties(output: Tensor, undropped: Tensor, logits: Tensor | null) {
    const { activationPenalty, temporalPenalty, confidencePenalty } = this.settings
    const made: Record<string, Tensor> = {}
    if (activationPenalty > 0)
      made['activation'] = ops.mul(penalties.activation(output), activationPenalty)
    if (temporalPenalty > 0) {
      // Of the changes in a window there is one less than of its steps, and it is their mean that counts.
      const [steps] = undropped.shape as [number]
      const weight = (temporalPenalty * steps) / Math.max(1, steps - 1)
      made['temporal'] = ops.mul(penalties.temporal(undropped), weight)
    }
    if (logits) made['confidence'] = ops.mul(penalties.confidence(logits), confidencePenalty)
    return made
  }

  zeros(rows: number): RecurrentState {
    const { rnn, device } = this.module
    const make = (features: number) =>
      zeros([rnn.layers * rnn.directions, rows, features], { device })
    const h = make(rnn.features)
    return ops.hasC[rnn.cell] ? { h, c: make(rnn.hidden) } : { h }
  }
}
