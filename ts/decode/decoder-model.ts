import { checkFunction, isListOf, optionsOf, whole, type Names } from '../check'
import { expect } from '../errors'
import { AttentionDecoder } from '../nn'
import { noGrad, Tensor } from '../tensor'
import type * as ops from '../ops'
import { StateModel, type StepContext, type StepResult, type Tensors } from './state-model'

/** What a {@link DecoderModel} is made of. */
export interface DecoderModelOptions {
  /** Is switched to inference (`eval()`) by `start`. */
  decoder: AttentionDecoder
  /** Tokens that may be predicted. */
  vocabulary: number
  /** The token that sequences begin with. */
  bos: number
  /** The token that ends them. */
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

const NAMES: Names<DecoderModelOptions> = {
  ...{ decoder: true, vocabulary: true, bos: true, eos: true, memory: true, memoryLengths: true },
  ...{ state: true, embed: true, project: true },
}

/** An attentional decoder over encoded sources, step by step. Dispose it after its decodings. */
export class DecoderModel extends StateModel {
  private readonly keys: Tensor
  private readonly decoder: AttentionDecoder

  constructor(options: DecoderModelOptions) {
    const op = 'decoderModel'
    const { decoder, memory, memoryLengths, state = null } = optionsOf(op, options, NAMES)
    expect(op, 'decoder', decoder instanceof AttentionDecoder, 'an AttentionDecoder', decoder)
    const dense = memory instanceof Tensor && memory.dims === 3
    expect(op, 'memory', dense, 'a tensor [positions, sources, features]', memory)
    const counts =
      memoryLengths === undefined ||
      (isListOf(memoryLengths, (n) => whole(n, 0)) && memoryLengths.length === memory.shape[1])
    expect(op, 'memoryLengths', counts, `${memory.shape[1]} whole numbers`, memoryLengths)
    checkFunction(op, 'embed', options.embed)
    checkFunction(op, 'project', options.project)
    const [positions, sources] = memory.shape as [number, number, number]
    const keys = noGrad(() => decoder.attention.keys(memory))
    const { vocabulary, bos, eos } = options
    super({
      ...{ vocabulary, bos, eos },
      device: memory.device,
      lengths: memoryLengths ?? new Array<number>(sources).fill(positions),
      attends: true,
      source: { memory, keys },
      state: state && tensorsOf(state),
      step: (ids, context) => stepOf(options, ids, context),
    })
    this.keys = keys
    this.decoder = decoder
  }

  override start(beams: number): ReturnType<StateModel['start']> {
    this.decoder.eval()
    return super.start(beams)
  }

  /** Frees what it holds; the tensors that it was given stay the caller's. */
  dispose(): void {
    this.keys.dispose()
  }

  /** As {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

function stepOf(
  { decoder, embed, project }: DecoderModelOptions,
  ids: Tensor,
  { state, source, lengths, beams }: StepContext,
): StepResult {
  const inputs = embed(ids)
  const result = decoder.forward(inputs, source['memory'] as Tensor, {
    state: state as unknown as ops.DecoderState | null,
    keys: source['keys'] as Tensor,
    memoryLengths: Int32Array.from(lengths),
    beams,
  })
  return {
    logits: project(result, inputs),
    attention: result.weights,
    state: tensorsOf(result.state),
  }
}

const tensorsOf = ({ h, c, fed }: ops.DecoderState): Tensors => ({
  h,
  ...(c && { c }),
  ...(fed && { fed }),
})
