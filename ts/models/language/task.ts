import { expect } from '../../errors'
import { ALONE, shareOf, TokenStreams } from '../../data'
import type { Feed, Portion, Share, Window } from '../../data'
import type { CheckpointFiles } from '../../io/checkpoint'
import { penalties, type RecurrentState } from '../../nn'
import { tensor, zeros, type Tensor } from '../../tensor'
import * as ops from '../../ops'
import type { BatchLoss, BatchPlace, Objective, StepInput } from '../../train/objective'
import { detachState } from '../parts/stack'
import type { LanguageNetwork } from './network'
import type { LanguagePenalties } from './options'

/** Windows of parallel streams, each in `accumulate` portions of its rows. */
export class WindowFeed implements Feed<Window> {
  readonly unit = 'tokens'
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  private readonly streams: TokenStreams

  /** `text`: the digest of the tokens. */
  constructor(
    tokens: Int32Array,
    text: string,
    private readonly sizes: { batch: number; steps: number; accumulate: number },
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
    _pass: number,
    first: number,
    _repeating = false,
    share: Share = ALONE,
  ): Generator<Portion<Window>> {
    const { batch, accumulate } = this.sizes
    const rowOf = (part: number) => Math.floor((part * batch) / accumulate)
    for (let i = first; i < this.count; ++i) {
      const part = i % accumulate
      const all = rowOf(part + 1) - rowOf(part)
      const [begin, end] = shareOf(all, share)
      const rows = end - begin
      const window = this.streams.window(Math.floor(i / accumulate), rowOf(part) + begin, rows)
      const key = `${window.steps} ${rows}`
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
  validate: Objective<Window, RecurrentState>['validate']
  /** What it validates with; null: nothing. */
  validation: unknown
  files: () => Promise<CheckpointFiles>
}

/** Losses by token, and with `keepLogits` the logits, which else are made, used and gone in parts. */
function predict(
  { output: projection }: LanguageNetwork,
  output: Tensor,
  targets: Tensor,
  keepLogits: boolean,
): { losses: Tensor; logits: Tensor | null } {
  if (keepLogits) {
    const logits = projection.forward(output)
    return { losses: ops.crossEntropyLosses(logits, targets).losses, logits }
  }
  const { weight, bias, precision } = projection
  const { losses } = ops.crossEntropyLosses(output, targets, { weight, bias, precision })
  return { losses, logits: null }
}

/** Of tokens as one sequence, the first of which is not predicted. */
export function meanLoss(network: LanguageNetwork, tokens: Int32Array): Tensor {
  const { device } = network.output.weight
  const steps = (from: number, to: number) =>
    tensor(tokens.subarray(from, to), [to - from, 1], { device })
  const ids = steps(0, tokens.length - 1)
  const { output } = network.forward(ids, null)
  return ops.mean(predict(network, output, steps(1, tokens.length), false).losses)
}

/** Next-token prediction by truncated backpropagation through time over parallel streams. */
export class LanguageTask implements Objective<Window, RecurrentState> {
  readonly identity: Readonly<Record<string, unknown>>
  readonly facts: Readonly<Record<string, number>>
  readonly repeats = true
  readonly validate: Objective<Window, RecurrentState>['validate']
  readonly validation: unknown
  readonly settings: LanguagePenalties
  readonly files: () => Promise<CheckpointFiles>

  constructor(
    readonly module: LanguageNetwork,
    { vocabulary, identity, penalties, validate, validation, files }: LanguageTaskOptions,
  ) {
    this.identity = { model: 'LanguageModel', ...identity, vocabulary }
    this.facts = { vocabulary }
    this.validate = validate
    this.validation = validation
    this.settings = penalties
    this.files = files
  }

  inputs({ begin, steps, rows, inputs, targets }: Window): StepInput[] {
    const tokens = [inputs, targets].map((data) => ({ shape: [steps, rows], data }))
    const { positions } = this.module
    if (!positions) return tokens
    const data = Int32Array.from({ length: steps }, (_, i) => (begin + i) % positions.limit)
    return [...tokens, { shape: [steps, 1], data }]
  }

  count({ targets }: Window): number {
    return targets.length
  }

  loss(
    inputs: readonly Tensor[],
    _window: Window,
    { carried }: BatchPlace<RecurrentState>,
  ): BatchLoss<RecurrentState> {
    const [ids, targets, positions] = inputs as [Tensor, Tensor, Tensor?]
    const { output, undropped, state } = this.module.forward(ids, carried, positions)
    const { losses, logits } = predict(
      this.module,
      output,
      targets,
      this.settings.confidencePenalty > 0,
    )
    const penalties = this.penalties(output, undropped, logits)
    return { sum: ops.sum(losses), count: targets.size, penalties, carry: detachState(state) }
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
    const { rnn, output } = this.module
    const make = (features: number) =>
      zeros([rnn.layers * rnn.directions, rows, features], { device: output.weight.device })
    const h = make(rnn.features)
    return ops.hasC[rnn.cell] ? { h, c: make(rnn.hidden) } : { h }
  }
}
