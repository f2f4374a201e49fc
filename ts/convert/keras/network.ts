/** A network that a `.keras` file describes. */
import { optionsOf } from '../../check'
import {
  Dropout,
  Embedding,
  GRU,
  LayerNorm,
  Linear,
  LSTM,
  Module,
  RNN,
  type Recurrent,
} from '../../nn'
import * as ops from '../../ops'
import { scope, type Tensor } from '../../tensor'
import type { DenseActivation, KerasLayer, KerasRecurrent } from './config'

/** Options of {@link KerasNetwork}'s `forward`. */
export interface KerasForwardOptions {
  /** Steps of each sequence, where Keras has a mask; all unless given. */
  lengths?: ops.Integers | null | undefined
}

type Layer = (x: Tensor, lengths: ops.Integers | null) => Tensor

const FUNCTIONS: Readonly<Record<DenseActivation, (x: Tensor) => Tensor>> = {
  linear: (x) => x,
  sigmoid: (x) => ops.sigmoid(x),
  tanh: (x) => ops.tanh(x),
  relu: (x) => ops.relu(x),
  softmax: (x) => ops.softmax(x),
  log_softmax: (x) => ops.logSoftmax(x),
}

function makeRecurrent(input: number, layer: KerasRecurrent): Recurrent {
  const { cell, hidden, bias, bidirectional, activation, gate, resetBefore } = layer
  const sizes = { input, hidden, bias, bidirectional, seed: 0 }
  const usual = activation === 'tanh' && gate === 'sigmoid'
  switch (cell) {
    case 'LSTM':
      return new LSTM({
        ...sizes,
        activations: usual ? undefined : { gate, candidate: activation, output: activation },
      })
    case 'GRU':
      return new GRU({
        ...{ ...sizes, resetBefore },
        activations: usual ? undefined : { gate, candidate: activation },
      })
    case 'SimpleRNN':
      return new RNN({ ...sizes, nonlinearity: activation })
  }
}

/** The last states of both directions, side by side. */
const lastStates = ({ directions }: Recurrent, h: Tensor): Tensor =>
  ops.concat(
    Array.from({ length: directions }, (_, i) => ops.select(h, 0, i)),
    -1,
  )

/**
 * What `loadKeras` gives: layers one after another, with parameters by the names of Keras's classes (`embedding.weight`,
 * `lstm_1.weight_ih_l0`, `dense.weight`). Batches come second: ids are i32 [time, batch], steps [time, batch, features].
 */
export class KerasNetwork extends Module {
  private readonly modules = new Map<string, Module>()
  private readonly steps: Layer[] = []

  /** @internal `config`: the text that describes it; `shapes` of the weights, by names. */
  constructor(
    /** Keras's own description, as JSON. */
    readonly config: string,
    /** The layers, in order. */
    readonly layers: readonly KerasLayer[],
    shapes: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  ) {
    super()
    for (const layer of layers) this.steps.push(this.make(layer, shapes))
  }

  protected override *members(): Iterable<[string, Module]> {
    yield* this.modules
  }

  private make(
    layer: KerasLayer,
    shapes: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  ): Layer {
    const { name } = layer
    const add = <M extends Module>(module: M): M => {
      this.modules.set(name, module)
      return module
    }
    const widthOf = (weight: string): number => shapes.get(`${name}.${weight}`)?.shape.at(-1) ?? 1
    switch (layer.type) {
      case 'embedding': {
        const module = add(new Embedding(layer.vocabulary, layer.features, { seed: 0 }))
        return (x) => module.forward(x)
      }
      case 'recurrent': {
        const module = add(makeRecurrent(widthOf('weight_ih_l0'), layer))
        return (x, lengths) => {
          const { output, state } = module.forward(x, { lengths })
          return layer.sequences ? output : lastStates(module, state.h)
        }
      }
      case 'dense': {
        const { bias, units, activation } = layer
        const module = add(new Linear(widthOf('weight'), units, { bias, seed: 0 }))
        return (x) => FUNCTIONS[activation](module.forward(x))
      }
      case 'norm': {
        const { epsilon: eps, bias } = layer
        const module = add(new LayerNorm(widthOf('weight'), { eps, bias }))
        return (x) => module.forward(x)
      }
      case 'dropout': {
        const module = add(new Dropout(layer.rate))
        return (x) => module.forward(x, { batchAxis: x.dims === 3 ? 1 : 0 })
      }
      case 'activation':
        return FUNCTIONS[layer.activation]
      case 'pooling':
        return (x, lengths) => ops.poolTime(x, layer.how, lengths)
    }
  }

  /** x: ids i32 [time, batch], or [time, batch, features], to what the last layer makes. */
  forward(x: Tensor, options: KerasForwardOptions = {}): Tensor {
    const { lengths = null } = optionsOf('keras', options, { lengths: true })
    return scope(() => this.steps.reduce((y, step) => step(y, lengths), x))
  }
}
