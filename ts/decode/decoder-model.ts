import type { AttentionDecoder } from '../nn'
import { noGrad, scope, tensor, type Tensor } from '../tensor'
import * as ops from '../tensor/ops'
import type { Decoding, StepModel, StepOutput } from './step-model'

export interface DecoderModelOptions {
  /** Is switched to inference (`eval()`) by `start`. */
  decoder: AttentionDecoder
  vocabulary: number
  bos: number
  eos: number
  /** Encoded sources: [positions, sources, features]. Stays the caller's, as all tensors here. */
  memory: Tensor
  /** Real positions of each source; all unless given. */
  memoryLengths?: readonly number[] | undefined
  /** States to start from, h [layers, sources, hidden] and so on; zeros unless given. */
  state?: ops.DecoderState | null | undefined
  /** i32 [1, rows] to the decoder's inputs [1, rows, features]. */
  embed: (ids: Tensor) => Tensor
  /** A step's result and its inputs to logits [..., vocabulary]. Tensors it makes are freed for it. */
  project: (result: ops.DecoderResult, inputs: Tensor) => Tensor
}

/** An attentional decoder over encoded sources, step by step. Dispose it after its decodings. */
export class DecoderModel implements StepModel {
  readonly vocabulary: number
  readonly bos: number
  readonly eos: number
  readonly sources: number
  readonly sourceLengths: readonly number[]
  private readonly keys: Tensor

  constructor(private readonly options: DecoderModelOptions) {
    const { decoder, memory, memoryLengths } = options
    this.vocabulary = options.vocabulary
    this.bos = options.bos
    this.eos = options.eos
    const [positions, sources] = memory.shape as [number, number, number]
    this.sources = sources
    this.sourceLengths = memoryLengths ?? new Array<number>(sources).fill(positions)
    this.keys = noGrad(() => decoder.attention.keys(memory))
  }

  start(beams: number): Decoding {
    this.options.decoder.eval()
    return new DecoderDecoding(this.options, beams, this.keys, this.sourceLengths)
  }

  dispose(): void {
    this.keys.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Every tensor of a state through `move`. */
function mapState(state: ops.DecoderState, move: (x: Tensor) => Tensor): ops.DecoderState {
  const { h, c, fed } = state
  return { h: move(h), ...(c && { c: move(c) }), ...(fed && { fed: move(fed) }) }
}

function disposeState(state: ops.DecoderState | null): void {
  state?.h.dispose()
  state?.c?.dispose()
  state?.fed?.dispose()
}

class DecoderDecoding implements Decoding {
  private state: ops.DecoderState | null
  private memory: Tensor
  /** Whether `memory` and `keys` are copies of the sources still decoded. */
  private copied = false

  constructor(
    private readonly options: DecoderModelOptions,
    private readonly beams: number,
    private keys: Tensor,
    private lengths: readonly number[],
  ) {
    this.memory = options.memory
    const { state } = options
    const rows = Int32Array.from({ length: lengths.length * beams }, (_, i) =>
      Math.floor(i / beams),
    )
    this.state = state ? noGrad(() => mapState(state, (x) => ops.takeRows(x, rows))) : null
  }

  step(tokens: Int32Array): StepOutput {
    const { decoder, embed, project, vocabulary } = this.options
    const { memory, keys, beams, state } = this
    const made = scope(() => {
      const ids = tensor(tokens, [1, tokens.length], { device: memory.device })
      const inputs = embed(ids)
      const memoryLengths = Int32Array.from(this.lengths)
      const result = decoder.forward(inputs, memory, { state, keys, memoryLengths, beams })
      return {
        logits: ops.reshape(project(result, inputs), [tokens.length, vocabulary]),
        attention: ops.reshape(result.weights, [tokens.length, memory.shape[0] as number]),
        state: result.state,
      }
    })
    disposeState(state)
    this.state = made.state
    return { logits: made.logits, attention: made.attention }
  }

  take(rows: Int32Array, sources: Int32Array): void {
    const { state, memory, keys } = this
    if (state) {
      this.state = mapState(state, (x) => ops.takeRows(x, rows))
      disposeState(state)
    }
    if (sources.length === this.lengths.length) return
    this.memory = ops.takeRows(memory, sources)
    this.keys = ops.takeRows(keys, sources)
    this.lengths = Array.from(sources, (source) => this.lengths[source] as number)
    if (this.copied) for (const x of [memory, keys]) x.dispose()
    this.copied = true
  }

  dispose(): void {
    disposeState(this.state)
    this.state = null
    if (this.copied) for (const x of [this.memory, this.keys]) x.dispose()
    this.copied = false
  }
}
