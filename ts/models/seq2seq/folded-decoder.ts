import type { AttentionDecoder, Linear } from '../../nn'
import { withBeams } from '../../nn/decoder-steps'
import { noGrad, scope, zeros, type Tensor } from '../../tensor'
import * as ops from '../../ops'
import type { Tensors } from '../../decode'
import type { Decoder, DecoderOutput, DecoderPass, DecodesSteps, Encoded } from './decoder'

/** Weights cut and joined anew: each [gates + features of the readout, ...]. */
interface Folded {
  /** Of an embedded token. */
  inputs: Tensor
  /** Of a position of the memory. */
  memory: Tensor
  /** Of the state, in the readout alone: [features, hidden]. */
  state: Tensor
}

function foldWeights(
  { tokens, gates, readout }: Record<'tokens' | 'gates' | 'readout', Tensor>,
  features: number,
): Folded {
  const width = tokens.shape[1] as number
  const memory = (gates.shape[1] as number) - width
  const columns = (ofGates: number, ofReadout: number, count: number): Tensor =>
    ops.concat([ops.slice(gates, 1, ofGates, count), ops.slice(readout, 1, ofReadout, count)], 0)
  return {
    inputs: columns(0, features + memory, width),
    memory: columns(width, features, memory),
    state: ops.slice(readout, 1, 0, features),
  }
}

/**
 * A decoder in inference whose products with what a search meets again and again are formed ahead:
 * the gates and the readout take W e + Σ a_s (U m_s) in place of W e + U (Σ a_s m_s), so that U meets
 * each position of a source once, and not each step of each hypothesis; W, where that pays, each token
 * of the vocabulary once. Only for f32 and int8, and attention that precedes a step: its context is fed as it is. In int8
 * each of these products has scales of its own, and all but the attention's are int8.
 */
export class FoldedDecoder implements DecodesSteps {
  /** What each token gives: [vocabulary, gates + features]; null where it is multiplied as it comes. */
  private table: Tensor | null = null

  private constructor(
    private readonly decoder: Decoder,
    private readonly attending: AttentionDecoder,
    private readonly readout: Linear,
    private readonly folded: Folded,
  ) {}

  /** Whether a decoder is of this kind. */
  static foldable(decoder: Decoder): boolean {
    const { attending, output, readout, rnn } = decoder
    if (attending?.feeding !== 'context' || !readout || rnn) return false
    // A GPU is kept busy by few large kernels, and this takes many.
    return attending.layers.precision !== 'bf16' && output.weight.device !== 'cuda'
  }

  /** What it is made of. */
  static weightsOf({ attending, embedding, readout }: Decoder): readonly [Tensor, Tensor, Tensor] {
    const gates = (attending as AttentionDecoder).layers.parameter('weight_ih_l0')
    return [embedding.weight, gates as Tensor, (readout as Linear).weight]
  }

  /** Of a foldable decoder with the weights as all ops submitted so far leave them. */
  static of(decoder: Decoder): FoldedDecoder {
    const [tokens, gates, readout] = FoldedDecoder.weightsOf(decoder)
    const attending = decoder.attending as AttentionDecoder
    const { features } = attending.layers
    const folded = scope(() => noGrad(() => foldWeights({ tokens, gates, readout }, features)))
    return new FoldedDecoder(decoder, attending, decoder.readout as Linear, folded)
  }

  /** From now on tokens are looked up. Not within a scope. */
  tabulate(): void {
    const { weight } = this.decoder.embedding
    this.table ??= noGrad(() => this.multiply(weight, this.folded.inputs))
  }

  /** Bytes of what `tabulate` makes. */
  get tableBytes(): number {
    const { embedding } = this.decoder
    return (
      Float32Array.BYTES_PER_ELEMENT *
      ((embedding.weight.shape[0] as number) * (this.folded.inputs.shape[0] as number))
    )
  }

  forgetTable(): void {
    this.table?.dispose()
    this.table = null
  }

  private multiply(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
    return ops.linear(x, weight, bias, { precision: this.attending.layers.precision })
  }

  /** Sources whose memory has been multiplied; keys and states stay the given tensors. */
  fold<Lengths extends Int32Array | Tensor>({
    sources,
    state,
  }: Encoded<Lengths>): Encoded<Lengths> {
    const memory = this.multiply(sources.memory, this.folded.memory)
    return { sources: { ...sources, memory }, state }
  }

  /** Whole sequences, step by step, in which a row's end changes nothing. ids: i32 [time, rows]. */
  steps(ids: Tensor, { sources, state }: Encoded<Int32Array | Tensor>): DecoderOutput {
    const made: DecoderOutput[] = []
    let last = state
    for (let t = 0; t < (ids.shape[0] as number); ++t) {
      const step = this.forward(ops.slice(ids, 0, t, 1), { sources, state: last, first: t })
      made.push(step)
      last = step.state
    }
    const all = (of: (step: DecoderOutput) => Tensor) => ops.concat(made.map(of), 0)
    return {
      features: all(({ features }) => features),
      weights: all(({ weights }) => weights as Tensor),
      state: last as Tensors,
    }
  }

  /** One step, as {@link Decoder.forward}'s; ids: i32 [1, rows]. Sources are those of {@link fold}. */
  forward(ids: Tensor, { sources, state, beams = 1, first = 0 }: DecoderPass): DecoderOutput {
    const { attending, folded, readout } = this
    const { attention, layers } = attending
    const { layers: count, hidden, features } = layers
    const { h, c } = state ?? {}
    const rows = ids.shape[1] as number
    const top = h
      ? ops.slice(h, 0, count - 1, 1)
      : zeros([1, rows, features], { device: ids.device })
    const { context, weights } = withBeams(attention.queries(top), beams, (queries) =>
      ops.attention(queries, sources.keys as Tensor, sources.memory, {
        ...{ score: attention.score, v: attention.v, memoryLengths: sources.lengths },
      }),
    )
    const sums = ops.add(this.inputs(ids, first), context)
    const gates = ops.gatesOf[layers.cell] * hidden
    const own = ops.slice(sums, 2, 0, gates)
    const result = layers.withCells(null, layers.cells(true), (cells) =>
      ops.recurrent(own, cells, {
        ...{ cell: layers.cell, layers: count, cellOptions: layers.cellOptions },
        precision: layers.precision,
        phases: layers.zoneout,
        state: h ? { h, ...(c && { c }) } : null,
      }),
    )
    const rest = ops.slice(sums, 2, gates, (sums.shape[2] as number) - gates)
    const read = this.multiply(result.output, folded.state, readout.bias)
    return {
      features: ops.tanh(ops.add(read, rest)),
      weights,
      state: { h: result.state.h, ...(result.state.c && { c: result.state.c }) },
    }
  }

  /** What tokens and their positions give, the same with a table and without: [1, rows, gates + features]. */
  private inputs(ids: Tensor, first: number): Tensor {
    const { decoder, folded, table } = this
    const { embedding, positions } = decoder
    const tokens = table
      ? ops.embedding(ids, table)
      : this.multiply(embedding.forward(ids), folded.inputs)
    return positions
      ? ops.add(tokens, this.multiply(positions.rows(first, 1), folded.inputs))
      : tokens
  }

  dispose(): void {
    this.forgetTable()
    for (const x of Object.values(this.folded) as Tensor[]) x.dispose()
  }
}
