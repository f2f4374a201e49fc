/**
 * Valid arguments for every function of the addon, drawn at random: small shapes, empty ones
 * included, both devices. The boundary test mutates them.
 */
import type {
  DeviceName,
  NativeAddon,
  NativeProgram,
  NativeRandom,
  NativeTensor,
} from '#dist/native/index.js'
import { native } from '#dist/native/index.js'
import type { RecurrentOptions } from '#dist/ops/cells.js'
import type { OptimizerOptions } from '#dist/ops/optimizer.js'
import { Draw, size, upload } from '../support/host.mjs'
import { CELLS, slotsOf, STATES, type Cell } from '../support/recurrent.mjs'

type Shape = readonly number[]

/** Draws arguments for one call on one device. Tensors are the caller's to dispose: see `made`. */
export class Maker {
  readonly device: DeviceName
  readonly draw: Draw
  readonly made: NativeTensor[] = []

  constructor(seed: number) {
    this.draw = new Draw(seed)
    this.device = this.bool() ? 'cpu' : 'reference'
  }

  bool(): boolean {
    return this.draw.next() < 0.5
  }

  pick<T>(values: readonly T[]): T {
    return values[this.draw.below(values.length)] as T
  }

  /** An extent of at least `least`, sometimes empty. */
  extent(least = 0): number {
    return Math.max(least, this.pick([0, 1, 1, 2, 2, 3, 3, 5, 17]))
  }

  shape(dims = this.draw.below(5), least = 0): number[] {
    return Array.from({ length: dims }, () => this.extent(least))
  }

  get realType(): 'f32' | 'f64' {
    return this.device === 'cpu' ? 'f32' : 'f64'
  }

  keep(tensor: NativeTensor): NativeTensor {
    this.made.push(tensor)
    return tensor
  }

  real(shape: Shape): NativeTensor {
    return this.keep(upload(this.device, this.draw.reals(shape)))
  }

  maybeReal(shape: Shape): NativeTensor | null {
    return this.bool() ? this.real(shape) : null
  }

  /** Integers in 0 .. below - 1; below may be 0 for an empty shape only. */
  ints(shape: Shape, below: number): NativeTensor {
    return this.keep(upload(this.device, this.draw.ints(shape, below)))
  }

  sinks(...shapes: (Shape | null)[]): (NativeTensor | null)[] {
    return shapes.map((shape) => (shape && this.draw.next() < 0.8 ? this.real(shape) : null))
  }

  add(sinks: number): number {
    return this.draw.below(2 ** sinks)
  }

  random(): NativeRandom {
    return {
      key: native.streamKey(this.draw.below(100), 'test'),
      step: 3,
      sampleBase: 7,
      stream: 1,
    }
  }
}

export type Arguments<K extends keyof NativeAddon> = Parameters<NativeAddon[K]>
export type Calls = { [K in keyof NativeAddon]: (m: Maker) => Arguments<K> }

const UNARY = ['neg', 'abs', 'square', 'tanh', 'sigmoid', 'relu', 'affine', 'clamp'] as const
const BINARY = ['add', 'sub', 'mul', 'maximum', 'minimum'] as const

/** Two shapes that broadcast, and what they broadcast to. */
function broadcast(m: Maker): [number[], number[], number[]] {
  const whole = m.shape()
  const one = (shape: number[]): number[] =>
    shape.map((extent) => (m.bool() ? 1 : extent)).slice(m.draw.below(shape.length + 1))
  const [a, b] = m.bool() ? [one(whole), whole] : [whole, one(whole)]
  return [a, b, whole]
}

function product(m: Maker): { a: number[]; b: number[]; y: number[]; flags: [boolean, boolean] } {
  const [rows, columns, inner] = [m.extent(), m.extent(), m.extent()]
  const lead = m.shape(m.draw.below(3))
  const flags: [boolean, boolean] = [m.bool(), m.bool()]
  const a = flags[0] ? [inner, rows] : [rows, inner]
  const b = flags[1] ? [columns, inner] : [inner, columns]
  return {
    a: [...lead, ...a],
    b: m.bool() ? b : [...lead, ...b],
    y: [...lead, rows, columns],
    flags,
  }
}

function crossEntropy(m: Maker): {
  args: [
    NativeTensor,
    NativeTensor | null,
    NativeTensor | null,
    NativeTensor,
    NativeTensor | null,
    number,
    number,
  ]
  x: number[]
  weight: number[] | null
  bias: number[] | null
} {
  const lead = m.shape(m.draw.below(3))
  const projected = m.bool()
  const classes = m.extent(1)
  const features = projected ? m.extent(1) : classes
  const x = [...lead, features]
  const weight = projected ? [classes, features] : null
  const bias = projected && m.bool() ? [classes] : null
  const smoothing = m.pick([0, 0.1, 1])
  return {
    args: [
      m.real(x),
      weight && m.real(weight),
      bias && m.real(bias),
      m.ints(lead, classes),
      m.maybeReal([classes]),
      m.pick([-100, 0, classes]),
      smoothing,
    ],
    x,
    weight,
    bias,
  }
}

const slotShapes = (cell: Cell, hidden: number, input: number, biased: boolean) =>
  slotsOf(cell, hidden, input).map(({ shape, required }) => (required || biased ? shape : null))

interface Recurrent {
  args: Parameters<NativeAddon['recurrent']>
  x: number[]
  state: number[]
  output: number[]
  /** Shapes of the parameters, null where absent. */
  parameters: (number[] | null)[]
}

function recurrent(m: Maker, training: boolean): Recurrent {
  const cell = m.pick(CELLS)
  const [layers, directions, hidden] = [1 + m.draw.below(3), 1 + m.draw.below(2), m.extent(1)]
  const [time, batch, input] = [m.extent(), m.extent(), m.extent(1)]
  const dropout = m.pick([0, 0.5])
  const biased = m.bool()
  const cells = Array.from({ length: layers * directions }, (_, i) =>
    slotShapes(cell, hidden, i < directions ? input : directions * hidden, biased),
  )
  const options: RecurrentOptions = {
    ...{ cell, layers, directions, hidden, training, dropout },
    random: m.random(),
  }
  const x = [time, batch, input]
  const state = [layers * directions, batch, hidden]
  return {
    args: [
      options,
      m.real(x),
      cells.map((shapes) => shapes.map((shape) => shape && m.real(shape))),
      m.bool() ? m.ints([batch], time + 1) : null,
      m.maybeReal(state),
      STATES[cell]!.includes('c') ? m.maybeReal(state) : null,
    ],
    x,
    state,
    output: [time, batch, directions * hidden],
    parameters: cells.flat(),
  }
}

interface Attention {
  args: Parameters<NativeAddon['attention']>
  /** Of queries, keys, values, v; null where absent. */
  shapes: (number[] | null)[]
  context: number[]
  weights: number[]
}

function attention(m: Maker): Attention {
  const score = m.pick(['additive', 'dot', 'scaled_dot'] as const)
  const [steps, time, batch] = [m.extent(), m.extent(), m.extent()]
  const [features, width] = [m.extent(1), m.extent(1)]
  const [queries, keys, values] = [
    [steps, batch, features],
    [time, batch, features],
    [time, batch, width],
  ]
  const v = score === 'additive' ? [features] : null
  return {
    args: [
      ...([score, m.real(queries), m.real(keys), m.real(values), v && m.real(v)] as const),
      m.bool() ? m.ints([batch], steps + 1) : null,
      m.bool() ? m.ints([batch], time + 1) : null,
    ],
    shapes: [queries, keys, values, v],
    context: [steps, batch, width],
    weights: [steps, batch, time],
  }
}

interface Decoder {
  args: Parameters<NativeAddon['decoder']>
  /** Of the outputs and of the gradients' sinks, null where absent. */
  outputs: (number[] | null)[]
  shapes: (number[] | null)[]
}

function decoder(m: Maker, training: boolean): Decoder {
  const cell = m.pick(CELLS)
  const score = m.pick(['additive', 'dot', 'scaled_dot'] as const)
  const feeding = m.pick(['context', 'output'] as const)
  const [layers, hidden, beams] = [
    1 + m.draw.below(2),
    m.extent(1),
    training ? 1 : 1 + m.draw.below(2),
  ]
  const [steps, rows, time] = [m.extent(), m.extent(), m.extent()]
  const [input, width, output] = [m.extent(1), m.extent(1), m.extent(1)]
  const projected = m.bool()
  const features = projected ? m.extent(1) : hidden
  const batch = rows * beams
  const fed = feeding === 'output' ? [batch, output] : null
  const biased = m.bool()
  const slots = Array.from({ length: layers }, (_, i) =>
    slotShapes(cell, hidden, i === 0 ? input + (fed ? output : width) : hidden, biased),
  )
  const [x, keys, values, state] = [
    [steps, batch, input],
    [time, rows, features],
    [time, rows, width],
    [layers, batch, hidden],
  ]
  const weights = [
    projected ? [features, hidden] : null,
    score === 'additive' ? [features] : null,
    fed && [output, width + hidden],
    fed && m.bool() ? [output] : null,
  ]
  const cellState = STATES[cell]!.includes('c') ? state : null
  const maybe = (shape: Shape | null): NativeTensor | null => shape && m.maybeReal(shape)
  const real = (shape: Shape | null): NativeTensor | null => shape && m.real(shape)
  return {
    args: [
      {
        ...{ cell, layers, directions: 1, hidden, training, dropout: m.pick([0, 0.5]) },
        ...{ random: m.random(), score, feeding, beams },
      },
      m.real(x),
      slots.map((shapes) => shapes.map(real)),
      weights.map(real),
      [m.real(keys), m.real(values), m.bool() ? m.ints([rows], time + 1) : null],
      m.bool() ? m.ints([batch], steps + 1) : null,
      [maybe(state), maybe(cellState), maybe(fed)],
    ],
    outputs: [
      [steps, batch, fed ? output : hidden],
      fed ? null : [steps, batch, width],
      [steps, batch, time],
      state,
      cellState,
      fed,
    ],
    shapes: [x, keys, values, state, cellState, fed, ...weights, ...slots.flat()],
  }
}

function optimizer(m: Maker): OptimizerOptions {
  return {
    kind: m.pick(['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad']),
    clipNorm: m.pick([0, 1]),
    lr: 0.1,
    weightDecay: m.pick([0, 0.01]),
    momentum: m.pick([0, 0.9]),
    dampening: 0,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    alpha: 0.9,
    lrDecay: 0,
    nesterov: false,
    centered: m.bool(),
    step: 1 + m.draw.below(10),
  }
}

function states({ kind, momentum, centered }: OptimizerOptions): boolean[] {
  if (kind === 'sgd') return [momentum !== 0]
  if (kind === 'adagrad') return [true]
  if (kind === 'rmsprop') return [true, momentum !== 0, centered]
  return [true, true]
}

/** Lists for topk and sampleTokens. */
function penalties(
  m: Maker,
  rows: number,
  vocabulary: number,
): [Int32Array | null, Int32Array | null, Float64Array | null] {
  if (rows === 0 || m.bool()) return [null, null, null]
  const count = [m.extent()]
  const ints = (below: number) => m.draw.ints(count, below).data as Int32Array
  return [ints(rows), ints(vocabulary), m.draw.reals(count).data as Float64Array]
}

/** A shape with an axis in it, and the axis. */
function axis(m: Maker, least = 0): [number[], number] {
  const shape = m.shape(1 + m.draw.below(4), least)
  return [shape, m.draw.below(shape.length)]
}

const without = (shape: Shape, at: number): number[] => shape.filter((_, i) => i !== at)
const changed = (shape: Shape, at: number, extent: number): number[] =>
  shape.map((old, i) => (i === at ? extent : old))

export const calls: Calls = {
  info: () => [],
  memory: () => [],
  setMemoryLimit: () => [0],
  setThreads: (m) => [m.draw.below(3)],
  setIsa: (m) => [m.pick(native.info().isas)],
  profileStart: () => [],
  profileStop: () => [],
  synchronize: () => [],
  streamKey: (m) => [m.draw.below(1000), 'model.lstm'],
  philox: (m) => [m.random(), m.draw.below(100), m.draw.below(10)],
  cudaProbe: () => [],

  // Of no use without a CUDA device, where a program could be had.
  beginProgram: () => [],
  cancelProgram: () => [],
  endProgram: (m) => [[m.real(m.shape())], 4, Float64Array.of(1e-3, 1)],
  runProgram: (m) => [{} as NativeProgram, m.draw.below(9), Float64Array.of(1e-3, 1)],
  disposeProgram: () => [{} as NativeProgram],

  peak: () => ['cpu', 1e-4],

  fromData: (m) => {
    const shape = m.shape()
    return [m.device, m.realType, shape, new Float32Array(size(shape))]
  },
  empty: (m) => [m.device, m.pick([m.realType, 'i32']), m.shape()],
  full: (m) => [m.device, m.pick([m.realType, 'i32']), m.shape(), 3],
  random: (m) => [
    ...([m.device, m.realType, m.shape()] as const),
    ...([m.pick(['uniform', 'normal'] as const), 0, 2, m.random()] as const),
  ],
  orthogonal: (m) => {
    const blocks = 1 + m.draw.below(3)
    return [m.device, blocks * m.extent(), m.extent(), blocks, 1, m.random()]
  },
  view: (m) => {
    const shape = m.shape()
    const offset = m.draw.below(size(shape) + 1)
    return [m.real(shape), offset, [m.draw.below(size(shape) - offset + 1)]]
  },
  describe: (m) => [m.real(m.shape())],
  version: (m) => [m.real(m.shape())],
  dispose: (m) => [upload(m.device, m.draw.reals(m.shape()))],
  read: (m) => [m.real(m.shape())],

  fill: (m) => [m.real(m.shape()), 2],
  copyInto: (m) => {
    const shape = m.shape()
    return [m.real(shape), m.real([size(shape)])]
  },
  accumulate: (m) => {
    const shape = m.shape()
    return [m.real(shape), m.real(shape)]
  },
  writeInto: (m) => {
    const shape = m.shape()
    return [m.real(shape), new Float32Array(size(shape))]
  },

  unary: (m) => [m.pick(UNARY), m.real(m.shape()), -0.5, 0.5],
  unaryBackward: (m) => {
    const shape = m.shape()
    return [
      ...([m.pick(UNARY), m.real(shape), m.real(shape), m.real(shape)] as const),
      ...([-0.5, 0.5, m.sinks(shape), m.add(1)] as const),
    ]
  },
  binary: (m) => {
    const [a, b] = broadcast(m)
    return [m.pick(BINARY), m.real(a), m.real(b)]
  },
  binaryBackward: (m) => {
    const [a, b, y] = broadcast(m)
    return [m.pick(BINARY), m.real(a), m.real(b), m.real(y), m.sinks(a, b), m.add(2)]
  },
  reduce: (m) => {
    const op = m.pick(['sum', 'mean', 'max'] as const)
    const [shape, at] = axis(m, op === 'sum' ? 0 : 1)
    return [op, m.real(shape), at]
  },
  reduceBackward: (m) => {
    const op = m.pick(['sum', 'mean', 'max'] as const)
    const [shape, at] = axis(m, op === 'sum' ? 0 : 1)
    const y = without(shape, at)
    const argmax = op === 'max' ? m.ints(y, shape[at] as number) : null
    return [op, shape, at, argmax, m.real(y), m.sinks(shape), m.add(1)]
  },
  permute: (m) => {
    const shape = m.shape()
    const axes = shape.map((_, i) => i).sort(() => (m.bool() ? 1 : -1))
    const sink = m.maybeReal(axes.map((i) => shape[i] as number))
    return [m.real(shape), axes, sink, m.bool()]
  },
  slice: (m) => {
    const [shape, at] = axis(m)
    const begin = m.draw.below((shape[at] as number) + 1)
    return [m.real(shape), at, begin, m.draw.below((shape[at] as number) - begin + 1)]
  },
  sliceBackward: (m) => {
    const [shape, at] = axis(m)
    const begin = m.draw.below((shape[at] as number) + 1)
    const length = m.draw.below((shape[at] as number) - begin + 1)
    return [m.real(changed(shape, at, length)), at, begin, m.real(shape), m.bool()]
  },
  concat: (m) => {
    const [shape, at] = axis(m)
    const one = (): NativeTensor => m.real(changed(shape, at, m.extent()))
    return [Array.from({ length: 1 + m.draw.below(4) }, one), at]
  },
  maskTime: (m) => {
    const shape = m.shape(2 + m.draw.below(3))
    const [time, batch] = shape as [number, number]
    return [m.real(shape), m.ints([batch], time + 1), m.maybeReal(shape), m.bool()]
  },

  poolTime: (m) => {
    const shape = m.shape(2 + m.draw.below(3))
    const [time, batch] = shape as [number, number]
    const lengths = m.bool() ? m.ints([batch], time + 1) : null
    return [m.pick(['mean', 'max', 'last'] as const), m.real(shape), lengths]
  },
  poolTimeBackward: (m) => {
    const op = m.pick(['mean', 'max', 'last'] as const)
    const shape = m.shape(2 + m.draw.below(3))
    const [time, batch, ...features] = shape as [number, number, ...number[]]
    const lengths = m.bool() ? m.ints([batch], time + 1) : null
    const y = [batch, ...features]
    const steps = op === 'max' ? m.ints(y, time + 1) : null
    return [op, lengths, steps, m.real(y), m.sinks(shape), m.add(1)]
  },
  compare: (m) => {
    const [a, b] = broadcast(m)
    const op = m.pick(['equal', 'not_equal', 'less', 'less_equal'] as const)
    return m.bool() ? [op, m.ints(a, 3), m.ints(b, 3)] : [op, m.real(a), m.real(b)]
  },
  where: (m) => {
    const [a, b, y] = broadcast(m)
    return [m.ints(m.pick([a, b, y]), 2), m.real(a), m.real(b)]
  },
  whereBackward: (m) => {
    const [a, b, y] = broadcast(m)
    return [m.ints(m.pick([a, b, y]), 2), m.real(y), m.sinks(a, b), m.add(2)]
  },
  oneHot: (m) => {
    const classes = m.extent(1)
    return [m.ints(m.shape(m.draw.below(4)), classes), classes]
  },
  toReal: (m) => [m.ints(m.shape(), 9)],

  matmul: (m) => {
    const { a, b, flags } = product(m)
    return [m.real(a), m.real(b), ...flags]
  },
  matmulInto: (m) => {
    const { a, b, y, flags } = product(m)
    return [m.real(a), m.real(b), ...flags, m.real(y), m.bool()]
  },
  linear: (m) => {
    const [lead, inputs, outputs] = [m.shape(m.draw.below(4)), m.extent(), m.extent()]
    return [m.real([...lead, inputs]), m.real([outputs, inputs]), m.maybeReal([outputs])]
  },
  linearBackward: (m) => {
    const [lead, inputs, outputs] = [m.shape(m.draw.below(4)), m.extent(), m.extent()]
    const [x, weight, y] = [
      [...lead, inputs],
      [outputs, inputs],
      [...lead, outputs],
    ]
    const sinks = m.sinks(x, weight, [outputs])
    return [m.real(x), m.real(weight), m.real(y), sinks, m.add(3)]
  },

  embedding: (m) => {
    const vocabulary = m.extent(1)
    return [m.ints(m.shape(), vocabulary), m.real([vocabulary, m.extent()])]
  },
  embeddingBackward: (m) => {
    const [vocabulary, features, ids] = [m.extent(1), m.extent(), m.shape(m.draw.below(3))]
    return [
      ...([m.ints(ids, vocabulary), m.real([...ids, features])] as const),
      ...([m.sinks([vocabulary, features]), m.add(1)] as const),
    ]
  },
  dropout: (m) => {
    const [shape, at] = axis(m)
    return [m.real(shape), m.pick([0, 0.5]), at, m.random(), m.maybeReal(shape), m.bool()]
  },
  layerNorm: (m) => {
    const features = m.extent(1)
    const x = [...m.shape(m.draw.below(3)), features]
    return [m.real(x), m.maybeReal([features]), m.maybeReal([features]), 1e-5, m.bool()]
  },
  layerNormBackward: (m) => {
    const features = m.extent(1)
    const x = [...m.shape(m.draw.below(3)), features]
    const gain = m.maybeReal([features])
    return [
      ...([m.real(x), gain, m.real([size(x) / features, 2]), m.real(x)] as const),
      ...([m.sinks(x, gain && [features], [features]), m.add(3)] as const),
    ]
  },
  softmax: (m) => [m.real(m.shape(1 + m.draw.below(4))), m.bool()],
  softmaxBackward: (m) => {
    const shape = m.shape(1 + m.draw.below(4))
    return [m.real(shape), m.real(shape), m.bool(), m.sinks(shape), m.add(1)]
  },
  crossEntropy: (m) => [...crossEntropy(m).args, m.bool()],
  crossEntropyBackward: (m) => {
    const { args, x, weight, bias } = crossEntropy(m)
    const { losses, weights, reserve } = native.crossEntropy(...args, true)
    m.keep(losses)
    m.keep(weights)
    return [
      ...args,
      ...([m.keep(reserve as NativeTensor), m.real(x.slice(0, -1))] as const),
      ...([m.sinks(x, weight, bias), m.add(3)] as const),
    ]
  },
  cells: () => [],
  recurrent: (m) => recurrent(m, m.bool()).args,
  recurrentBackward: (m) => {
    const { args, x, state, output, parameters } = recurrent(m, true)
    const { y, hn, cn, reserve } = native.recurrent(...args)
    for (const tensor of [y, hn, cn]) if (tensor) m.keep(tensor)
    const sinks = m.sinks(x, state, cn && state, ...parameters)
    return [
      ...args,
      m.keep(reserve as NativeTensor),
      m.maybeReal(output),
      m.maybeReal(state),
      cn && m.maybeReal(state),
      sinks,
      sinks.map(() => m.bool()),
    ]
  },

  attention: (m) => attention(m).args,
  attentionBackward: (m) => {
    const { args, shapes, context, weights } = attention(m)
    const made = native.attention(...args)
    m.keep(made.context)
    return [
      ...args,
      m.keep(made.weights),
      m.maybeReal(context),
      m.maybeReal(weights),
      m.sinks(...shapes),
      m.add(4),
    ]
  },

  decoder: (m) => decoder(m, m.bool()).args,
  decoderBackward: (m) => {
    const { args, outputs, shapes } = decoder(m, true)
    const { weights, reserve, ...others } = native.decoder(...args)
    for (const tensor of Object.values(others)) if (tensor) m.keep(tensor)
    const sinks = m.sinks(...shapes)
    return [
      ...args,
      m.keep(weights),
      m.keep(reserve as NativeTensor),
      outputs.map((shape) => shape && m.maybeReal(shape)),
      sinks,
      sinks.map(() => m.bool()),
    ]
  },

  topk: (m) => {
    const [beams, vocabulary] = [1 + m.draw.below(3), m.extent(1)]
    const rows = m.extent() * beams
    return [
      ...([m.real([rows, vocabulary]), m.real([rows]), beams] as const),
      ...([1 + m.draw.below(beams * vocabulary), ...penalties(m, rows, vocabulary)] as const),
    ]
  },
  sampleTokens: (m) => {
    const [rows, vocabulary, temperature] = [m.extent(), m.extent(1), m.pick([0, 0.5, 1])]
    const words = m.draw.ints([2 * rows], 2 ** 31).data as Int32Array
    return [
      m.real([rows, vocabulary]),
      m.bool() ? m.ints([rows], vocabulary) : null,
      temperature > 0 || m.bool() ? words : null,
      ...([temperature, m.draw.below(vocabulary + 2), m.pick([1, 0.5, 1e-9])] as const),
      ...penalties(m, rows, vocabulary),
    ]
  },

  globalNorm: (m) => [Array.from({ length: 1 + m.draw.below(4) }, () => m.real(m.shape()))],
  optimizerStep: (m) => {
    const [options, shape] = [optimizer(m), m.shape()]
    const zeros = (): NativeTensor => m.keep(native.full(m.device, m.realType, shape, 0))
    return [
      options,
      ...([m.real(shape), m.real(shape)] as const),
      states(options).map((kept) => (kept ? zeros() : null)),
      options.clipNorm > 0 || m.bool() ? m.real([]) : null,
    ]
  },
}
