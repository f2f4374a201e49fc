import { AttentionDecoder, Dropout, Embedding, Linear, Module } from '../../nn'
import type { Recurrent, RecurrentState } from '../../nn'
import type { InitSource } from '../../nn/init-source'
import { makeRecurrent } from '../../nn/recurrent'
import { variantOf } from '../../nn/variant'
import * as ops from '../../ops'
import { Parameter, zeros, type Tensor } from '../../tensor'
import type { DeviceOption } from '../../tensor/device'
import { PER_FEATURE } from '../../data/series'
import { cellOf, featuresOf, forgetBiasOf, HAS_C } from '../parts/recurrent-options'
import { parametersOf } from './distributions'
import type { ForecasterNetworkOptions } from './options'

/** What a batch has on the device, by name: see ts/models/forecaster/windows.ts. */
export type WindowTensors = Readonly<Record<string, Tensor | undefined>>

export interface NetworkPlace {
  seed: number
  device: DeviceOption
}

/** What stays the same in a series as the state that a recurrence begins with: tanh of a product of its vectors. */
class Static extends Module {
  readonly tables: readonly Embedding[]
  readonly output: Linear

  constructor(
    sizes: readonly number[],
    private readonly options: ForecasterNetworkOptions,
    device: DeviceOption,
  ) {
    super()
    const { embedding, layers } = options
    this.tables = sizes.map((size) => new Embedding(size, embedding, { device }))
    this.output = new Linear(sizes.length * embedding, layers * featuresOf(options), { device })
  }

  /** ids: i32 [categories, rows]. */
  forward(ids: Tensor): RecurrentState {
    const { layers, hidden, cell } = this.options
    const rows = ids.shape[1] as number
    const vectors = this.tables.map((table, i) => table.forward(ops.select(ids, 0, i)))
    const all = ops.tanh(this.output.forward(ops.concat(vectors, -1)))
    const h = ops.permute(ops.reshape(all, [rows, layers, featuresOf(this.options)]), [1, 0, 2])
    const c = HAS_C[cell] ? zeros([layers, rows, hidden], { device: ids.device }) : null
    return c ? { h, c } : { h }
  }
}

/** What decodes segments in parallel: a query for each is where it is and what it is of (Lin et al. 2023). */
class Queries extends Module {
  position: Parameter
  channel: Parameter

  constructor(
    private readonly pieces: number,
    private readonly channels: number,
    features: number,
    device: DeviceOption,
  ) {
    super()
    const half = features >> 1
    this.position = new Parameter([pieces, half], { device })
    this.channel = new Parameter([channels, features - half], { device })
  }

  protected override initialise(source: InitSource): void {
    source.fill('position', this.position, { normal: 1 })
    source.fill('channel', this.channel, { normal: 1 })
  }

  /** [pieces * channels, features], position-major. */
  table(): Tensor {
    const { pieces, channels, position, channel } = this
    const half = position.shape[1] as number
    const at = ops.reshape(position, [pieces, 1, half])
    const of = ops.reshape(channel, [1, channels, channel.shape[1] as number])
    const all = ops.concat(
      [
        ops.concat(Array<Tensor>(channels).fill(at), 1),
        ops.concat(Array<Tensor>(pieces).fill(of), 0),
      ],
      -1,
    )
    return ops.reshape(all, [pieces * channels, all.shape[2] as number])
  }
}

/**
 * All kinds of forecasters: a recurrence `rnn` over the context, and `head`, which makes numbers of states. Beside
 * them `static` of categories; `embed`, `queries` and `ahead` of segments; `decoder` of seq2seq.
 */
export class ForecasterNetwork extends Module {
  readonly rnn: Recurrent
  readonly head: Linear
  readonly static: Static | null = null
  readonly embed: Linear | null = null
  readonly queries: Queries | null = null
  readonly ahead: Linear | null = null
  readonly decoder: AttentionDecoder | null = null
  private readonly outputDropout: Dropout

  constructor(
    private readonly options: ForecasterNetworkOptions,
    { seed, device }: NetworkPlace,
  ) {
    super()
    const { model, cell, layers, hidden, horizon, segment, precision, init } = options
    const { dropout, recurrentDropout, weightDrop, zoneout } = options
    const targets = options.targets.length
    const known = options.known.length + PER_FEATURE * options.calendar.length
    const channels = 1 + options.covariates.length + known
    const width = {
      direct: 2 * targets + channels - 1,
      seq2seq: 2 * targets + channels - 1,
      segments: hidden,
      deepar: 1 + known,
    }[model]
    const forgetBias = forgetBiasOf(init)
    const drops = { dropout, weightDrop, zoneout }
    const usual = { hidden, layers, device, precision, forgetBias, ...variantOf(options) }
    this.rnn = makeRecurrent(cellOf(cell), {
      ...{ input: width, ...usual, ...drops, recurrentDropout },
    })
    const sizes = Object.values(options.categories).map((values) => values.length)
    if (model === 'deepar' && targets > 1) sizes.push(targets)
    if (sizes.length > 0) this.static = new Static(sizes, options, device)
    const linear = (from: number, to: number) => new Linear(from, to, { device, precision })
    if (model === 'segments') {
      this.embed = linear(segment * channels, hidden)
      this.queries = new Queries(horizon / segment, targets, hidden, device)
      if (known > 0) this.ahead = linear(segment * known, hidden)
    }
    if (model === 'seq2seq')
      this.decoder = new AttentionDecoder({
        ...{ ...usual, ...drops, cell: cellOf(cell), input: known + 1, memory: this.rnn.features },
        ...{ attention: options.attention, feeding: 'output' },
      })
    const outputs = options.loss === 'quantile' ? options.quantiles.length : 1
    const { features } = this.rnn
    const [from, to] = {
      direct: [features + horizon * known, horizon * targets * outputs],
      seq2seq: [this.decoder?.weight_out?.shape[0], targets * outputs],
      segments: [features, segment * outputs],
      deepar: [features, parametersOf(options.distribution)],
    }[model] as [number, number]
    this.head = linear(from, to)
    this.outputDropout = new Dropout(dropout)
    this.reset(seed, init)
  }

  /** Numbers of each target that a batch has, one beside the other: [targets, outputs]. */
  forward(inputs: WindowTensors): Tensor {
    const { model, loss, quantiles, distribution } = this.options
    const outputs =
      model === 'deepar' ? parametersOf(distribution) : loss === 'quantile' ? quantiles.length : 1
    const made = {
      direct: 'direct',
      seq2seq: 'decode',
      segments: 'pieces',
      deepar: 'chain',
    } as const
    const y = this[made[model]](inputs)
    return ops.reshape(y, [y.size / outputs, outputs])
  }

  /** What a recurrence begins with. */
  begin({ categories }: WindowTensors): RecurrentState | null {
    return this.static && categories ? this.static.forward(categories) : null
  }

  private read(inputs: WindowTensors) {
    const { past, lengths } = inputs
    return this.rnn.forward(past as Tensor, { state: this.begin(inputs), lengths: lengths ?? null })
  }

  private direct(inputs: WindowTensors): Tensor {
    const { future } = inputs
    const { h } = this.read(inputs).state
    const state = this.outputDropout.forward(top(h), { batchAxis: 0 })
    return this.head.forward(future ? ops.concat([state, future], -1) : state)
  }

  private decode(inputs: WindowTensors): Tensor {
    const { output, state } = this.read(inputs)
    const decoder = this.decoder as AttentionDecoder
    const memoryLengths = inputs['lengths'] ?? null
    const made = decoder.forward(inputs['future'] as Tensor, output, { state, memoryLengths })
    return this.head.forward(made.output)
  }

  private pieces(inputs: WindowTensors): Tensor {
    const {
      past,
      queries: ids,
      future,
    } = inputs as Record<'past' | 'queries', Tensor> & WindowTensors
    const embedded = ops.relu((this.embed as Linear).forward(past))
    const { state } = this.rnn.forward(embedded, { state: this.begin(inputs) })
    const rows = past.shape[1] as number
    const copies = (ids.shape[1] as number) / rows
    const repeat = (x: Tensor) => ops.concat(Array<Tensor>(copies).fill(x), 1)
    const begun = state.c ? { h: repeat(state.h), c: repeat(state.c) } : { h: repeat(state.h) }
    const table = (this.queries as Queries).table()
    // There are few different queries: what is told of the future apart, each is multiplied once.
    const asked = future
      ? ops.add(ops.embedding(ids, table), (this.ahead as Linear).forward(future))
      : ops.embedding(ids, this.rnn.project(table))
    const { output } = this.rnn.forward(asked, { state: begun, projected: !future })
    // By windows, as rows are: a mask does not depend on how many there are.
    const by = ops.reshape(output, [copies, rows, output.shape[2] as number])
    const dropped = this.outputDropout.forward(by)
    return this.head.forward(ops.reshape(dropped, output.shape))
  }

  private chain(inputs: WindowTensors): Tensor {
    const { output } = this.read(inputs)
    return this.head.forward(this.outputDropout.forward(output))
  }
}

/** The top layer's state, [rows, hidden]. */
const top = (h: Tensor): Tensor => ops.select(h, 0, (h.shape[0] as number) - 1)
