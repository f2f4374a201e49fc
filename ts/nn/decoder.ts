import { checkChoice, checkFlag, checkWhole, optionsOf, type Names } from '../check'
import { RnnativeError } from '../errors'
import { Parameter, type Tensor } from '../tensor'
import * as ops from '../ops'
import { isPresent } from '../ops/cells'
import type { LinearPrecision, Precision } from '../precision'
import type { ZoneoutSpec } from '../zoneout'
import { Attention, type AttentionKind } from './attention'
import { decodeInSteps, withBeams } from './decoder-steps'
import type { InitSource } from './init-source'
import { checkSizes, seedOf, type LayerOptions } from './layers'
import { variantOf, type Variant } from './variant'
import { Module } from './module'
import { LSTM, LSTM_NAMES, makeRecurrent } from './recurrent'
import { fillParameter, type Recurrent } from './recurrent-stack'

/**
 * `context` and `output` as in {@link ops.DecoderArguments}; `none`: the layers read the input alone,
 * and attention follows on their states (Luong et al. 2015 without input feeding).
 */
export type Feeding = ops.DecoderFeeding | 'none'

/** What an {@link AttentionDecoder} is made of. */
export interface AttentionDecoderOptions extends LayerOptions, Variant {
  /** Kind of cell. */
  cell: ops.Cell
  /** Features of a step's input. */
  input: number
  /** Units of a layer. */
  hidden: number
  /** Default 1. */
  layers?: number | undefined
  /** Features of a position of the memory. */
  memory: number
  /** How states and positions of the memory are scored. */
  attention: AttentionKind
  /** Hidden units of additive scores. Default: as `hidden`. */
  attentionSize?: number | undefined
  /** What a step is fed besides its input. */
  feeding: Feeding
  /** Features of h~; unused when feeding the context. Default: as `hidden`. */
  output?: number | undefined
  /** On every layer's output but the last, and on h~, while training. */
  dropout?: number | undefined
  /** Of the layers' recurrent weights, as {@link RecurrentOptions.weightDrop}. */
  weightDrop?: number | undefined
  /** Of the layers, as {@link RecurrentOptions.zoneout}. */
  zoneout?: ZoneoutSpec | undefined
  /** Default true. */
  bias?: boolean | undefined
  /** Initial bias of an LSTM's forget gate; uniform like the others unless given. */
  forgetBias?: number | undefined
  /** Of every product but the attention's; 'int8' within `noGrad` alone, without layer norm. Default 'f32'. */
  precision?: LinearPrecision | undefined
}

/** Options of {@link AttentionDecoder}'s `forward`. */
export interface DecoderForwardOptions {
  /** Zeros unless given. */
  state?: ops.DecoderState | null | undefined
  /** Steps of each row, zero included; all unless given. */
  lengths?: ops.Integers | null | undefined
  /** Real positions of each row's memory, zero included; all unless given. */
  memoryLengths?: ops.Integers | null | undefined
  /** `attention.keys(memory)` where it has been computed before. */
  keys?: Tensor | null | undefined
  /** Rows of the batch, one after another, that share a row of the memory: not while training. */
  beams?: number | undefined
}

const { bidirectional: _b, recurrentDropout: _r, ...STACK_NAMES } = LSTM_NAMES
const NAMES: Names<AttentionDecoderOptions> = {
  ...STACK_NAMES,
  ...{
    cell: true,
    memory: true,
    attention: true,
    attentionSize: true,
    feeding: true,
    output: true,
  },
}
const FORWARD_NAMES: Names<DecoderForwardOptions> = {
  ...{ state: true, lengths: true, memoryLengths: true, keys: true, beams: true },
}
const FEEDINGS: readonly Feeding[] = ['context', 'output', 'none']

/**
 * Recurrent layers that attend to a memory at every step. Parameters: those of the layers under
 * PyTorch's names, `weight_ih_l0` being [G*H, input + features fed]; those of `attention`; and, unless
 * the context is fed, `weight_out` [output, memory + features of h] and `bias_out` of
 * h~ = tanh(W [context; h] + b).
 */
export class AttentionDecoder extends Module {
  /** What looks at the memory. */
  readonly attention: Attention
  /** What a step is fed besides its input. */
  readonly feeding: Feeding
  /** On every layer's output but the last, and on h~, while training. */
  readonly dropout: number
  /** The recurrent layers. */
  readonly layers: Recurrent
  /** `[output, memory + features of h]`; null where the context is fed. */
  weight_out: Parameter | null = null
  /** `[output]`; null where there is none. */
  bias_out: Parameter | null = null

  constructor(options: AttentionDecoderOptions) {
    super()
    const op = 'attentionDecoder'
    const {
      hidden,
      memory,
      feeding,
      output = hidden,
      bias = true,
      ...own
    } = optionsOf(op, options, NAMES)
    const { attentionSize, cell, input, layers, dropout, forgetBias, precision } = own
    const { weightDrop, zoneout } = own
    checkChoice(op, 'feeding', feeding, FEEDINGS)
    checkFlag(op, 'bias', bias)
    checkSizes(op, { input, hidden, memory, output }, () => output * (memory + hidden))
    this.feeding = feeding
    this.dropout = dropout ?? 0
    const fed = { context: memory, output, none: 0 }[feeding]
    const { attention: kind, device, init } = own
    const seed = seedOf(op, own)
    this.layers = makeRecurrent(cell, {
      ...{ input: input + fed, hidden, layers, dropout, weightDrop, zoneout },
      ...{ bias, forgetBias, precision },
      ...{ device, seed, init, ...variantOf(own) },
    })
    this.constants.push(...this.layers.constants)
    this.initSpec = init
    this.attention = new Attention({
      ...{ kind, query: this.layers.features, memory, device, seed, init },
      size: attentionSize,
    })
    if (feeding !== 'context') {
      this.weight_out = new Parameter([output, memory + this.layers.features], { device })
      this.bias_out = bias ? new Parameter([output], { device }) : null
    }
    this.reset(seed)
  }

  /** The layers' parameters are this module's own, and so are named without a prefix. */
  protected override *members(): Iterable<[string, Parameter | Module]> {
    yield* this.layers.namedParameters()
    yield ['attention', this.attention]
    if (this.weight_out) yield ['weight_out', this.weight_out]
    if (this.bias_out) yield ['bias_out', this.bias_out]
  }

  protected override initialise(source: InitSource): void {
    for (const [name, member] of this.members()) {
      if (!(member instanceof Parameter)) continue
      const isOutput = name.endsWith('_out')
      const width = isOutput ? this.weight_out!.shape[1]! : this.layers.hidden
      const usual = { uniform: 1 / Math.sqrt(width) }
      fillParameter(source, name, member, usual)
    }
    if (this.layers instanceof LSTM) this.layers.biasForgetGate()
    this.layers.beginThresholds()
  }

  /**
   * Runs whole target sequences, or one step of them with the states passed on. x: [time, batch,
   * input], memory: [Tk, batch / beams, memory].
   */
  forward(x: Tensor, memory: Tensor, options: DecoderForwardOptions = {}): ops.DecoderResult {
    optionsOf('attentionDecoder', options, FORWARD_NAMES)
    if (options.beams !== undefined) checkWhole('attentionDecoder', 'beams', options.beams, 1)
    const keys = options.keys ?? this.attention.keys(memory)
    const result = this.run(x, memory, keys, options)
    if (!options.keys) keys.dispose()
    return result
  }

  private run(
    x: Tensor,
    memory: Tensor,
    keys: Tensor,
    options: DecoderForwardOptions,
  ): ops.DecoderResult {
    const { feeding } = this
    if (feeding === 'none') return this.after(x, memory, keys, options)
    if (this.layers.precision !== 'int8') return this.during(feeding, x, memory, keys, options)
    if (this.draws().random)
      throw new RnnativeError(
        'ERR_UNSUPPORTED',
        '[attentionDecoder] precision: expected f32 or bf16 with dropout or zoneout, got int8',
      )
    return this.withCells((cells) =>
      decodeInSteps(this, cells, { ...options, feeding, x, memory, keys }),
    )
  }

  private draws() {
    const dropout = this.training ? this.dropout : 0
    const { zoneout: phases } = this.layers
    const draws = this.training && (dropout > 0 || isPresent(phases))
    return { dropout, phases, random: draws ? this.drawRandom() : null }
  }

  /** The layers do not know whether they train, nor their names here. */
  private withCells<T>(run: (cells: readonly ops.CellParameters[]) => T): T {
    const draw = this.training ? (parameter: string) => this.drawRandom(parameter) : null
    return this.layers.withCells(draw, this.layers.cells(), run)
  }

  /** Attention within the steps. */
  private during(
    feeding: ops.DecoderFeeding,
    x: Tensor,
    memory: Tensor,
    keys: Tensor,
    { state, lengths, memoryLengths, beams }: DecoderForwardOptions,
  ): ops.DecoderResult {
    const { layers, attention } = this
    return this.withCells((cells) =>
      ops.decoder(
        x,
        { keys, values: memory, lengths: memoryLengths },
        {
          layers: cells,
          weightQuery: attention.weight_query,
          v: attention.v,
          weightOutput: this.weight_out,
          biasOutput: this.bias_out,
        },
        {
          ...{ cell: layers.cell, score: attention.score, feeding, state, lengths, beams },
          ...this.draws(),
          precision: layers.precision as Precision, // of steps of their own otherwise
          cellOptions: layers.cellOptions,
        },
      ),
    )
  }

  /** Attention after them. */
  private after(
    x: Tensor,
    memory: Tensor,
    keys: Tensor,
    { state, lengths, memoryLengths, beams = 1 }: DecoderForwardOptions,
  ): ops.DecoderResult {
    const { layers, attention } = this
    const { cell, precision } = layers
    const { dropout, phases, random } = this.draws()
    const recurrent = this.withCells((cells) =>
      ops.recurrent(x, cells, {
        ...{ cell, layers: layers.layers, state, lengths, dropout, phases, random, precision },
        cellOptions: layers.cellOptions,
      }),
    )
    const states = recurrent.output
    const queries = attention.queries(states)
    const { score, v } = attention
    const { context, weights } = withBeams(queries, beams, (folded) =>
      ops.attention(folded, keys, memory, {
        ...{ score, v, memoryLengths, queryLengths: beams === 1 ? lengths : null },
      }),
    )
    const joined = ops.concat([context, states], -1)
    const sums = ops.linear(joined, this.weight_out as Parameter, this.bias_out, { precision })
    let output = ops.tanh(sums)
    const temporary = [states, queries, context, joined, sums]
    if (lengths) {
      temporary.push(output)
      output = ops.maskTime(output, lengths)
    }
    if (random && dropout > 0) {
      temporary.push(output)
      const stream = { ...random, stream: layers.layers - 1 }
      output = ops.dropout(output, dropout, { random: stream })
    }
    for (const tensor of temporary) tensor.dispose()
    return { output, context: null, weights, state: recurrent.state }
  }
}
