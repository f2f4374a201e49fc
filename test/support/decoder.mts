/** The attentional decoder as op tests see it: inputs and gradients by name. */
import { native, type NativeAddon, type NativeRandom } from '#dist/native/index.js'
import type { AttentionScore } from '#dist/ops/attention.js'
import type { DecoderFeeding } from '#dist/ops/decoder.js'
import type { Precision } from '#dist/precision.js'
import { Draw, ints, type Host } from './host.mjs'
import type { Op, Tensors } from './op.mjs'
import { drawSlots, parametersOf, slotNamesOf, slotsOf, STATES, type Cell } from './recurrent.mjs'

type DecoderOptions = Parameters<NativeAddon['decoder']>[0]

export interface Decoder {
  cell: Cell
  layers: number
  hidden: number
  /** Features of h, where fewer. */
  projection?: number
  /** Layer norm. */
  norm?: boolean
  score: AttentionScore
  feeding: DecoderFeeding
  dropout?: number
  phases?: NonNullable<DecoderOptions['phases']>
  random?: NativeRandom
  precision?: Precision
  beams?: number
}

export interface Sizes {
  time: number
  batch: number
  /** Of x, E. */
  input: number
  /** Positions of the memory, Tk. */
  keys: number
  /** Of queries and keys, A; the hidden size without a query weight. */
  features: number
  /** Of values, V. */
  width: number
  /** Of h~, D. */
  output: number
}

export const OUTPUTS = ['y', 'context', 'weights', 'hn', 'cn', 'fedn']
const WEIGHTS = ['w_query', 'v', 'w_out', 'b_out']

const slotNames = ({ cell, layers }: Pick<Decoder, 'cell' | 'layers'>): string[] =>
  Array.from({ length: layers }, (_, i) => slotNamesOf(cell).map((slot) => `${slot}_${i}`)).flat()

export const optionsOf = (decoder: Decoder, training: boolean): DecoderOptions => ({
  ...{ directions: 1, training, dropout: 0, random: null, precision: 'f32', beams: 1 },
  ...decoder,
})

/** The arguments of `native.decoder` after the options. */
export function argumentsOf({ cell, layers }: Pick<Decoder, 'cell' | 'layers'>, tensors: Tensors) {
  const at = (name: string) => tensors[name] ?? null
  return [
    tensors['x']!,
    parametersOf({ cell, layers, directions: 1 }, tensors),
    WEIGHTS.map(at),
    ['keys', 'values', 'memoryLengths'].map(at),
    at('lengths'),
    ['h0', 'c0', 'fed0'].map(at),
  ] as const
}

/** `upstream` names the outputs that have gradients; all unless told otherwise. */
export function decoder(
  settings: Decoder,
  given: Record<string, Host | null>,
  upstream: readonly string[] = OUTPUTS,
): Op {
  const { cell, layers, hidden, projection = hidden, feeding } = settings
  const [time, batch] = given['x']!.shape as [number, number]
  const fed = feeding === 'output' ? [batch, given['w_out']!.shape[0] as number] : null
  const all: Record<string, readonly number[] | null> = {
    y: [time, batch, fed ? fed[1]! : projection],
    context: fed ? null : [time, batch, given['values']!.shape[2] as number],
    weights: [time, batch, given['keys']!.shape[0] as number],
    hn: [layers, batch, projection],
    cn: STATES[cell]!.includes('c') ? [layers, batch, hidden] : null,
    fedn: fed,
  }
  const shapes: Record<string, readonly number[]> = {}
  for (const name of upstream) if (all[name]) shapes[name] = all[name]
  const sinkNames = ['x', 'keys', 'values', 'h0', 'c0', 'fed0', ...WEIGHTS, ...slotNames(settings)]
  const inputs: Record<string, Host | null> = {}
  for (const name of [...sinkNames, 'lengths', 'memoryLengths']) inputs[name] = given[name] ?? null
  const options = optionsOf(settings, true)
  return {
    inputs,
    differentiable: sinkNames.filter((name) => inputs[name]),
    shapes,
    forward(tensors) {
      const args = argumentsOf(settings, tensors)
      const { y, context, weights, hn, cn, fedn, reserve } = native.decoder(options, ...args)
      const made = { y, context, weights, hn, cn, fedn }
      const outputs = Object.fromEntries(Object.entries(made).filter(([, tensor]) => tensor))
      return {
        outputs: outputs as Record<string, typeof y>,
        extra: [reserve],
        backward: (up, sinks) =>
          native.decoderBackward(
            options,
            ...args,
            weights,
            reserve!,
            OUTPUTS.map((name) => up[name] ?? null),
            sinks.list(...sinkNames),
            sinks.flags(...sinkNames),
          ),
      }
    },
  }
}

export interface Drawing {
  lengths?: readonly number[]
  memoryLengths?: readonly number[]
  /** Without biases, initial states and a query weight. */
  bare?: boolean
  seed?: number
}

export function drawInputs(
  { cell, layers, hidden, projection = hidden, score, feeding, beams = 1, norm }: Decoder,
  { time, batch, input, keys, features, width, output }: Sizes,
  { lengths, memoryLengths, bare = false, seed = 1 }: Drawing = {},
): Record<string, Host> {
  const draw = new Draw(seed)
  const scaled = (...shape: number[]): Host => {
    const bound = 2 / Math.sqrt((shape.at(-1) as number) + 3)
    return draw.reals(shape, -bound, bound)
  }
  const size = bare ? projection : features
  const rows = batch / beams
  const inputs: Record<string, Host> = {
    x: draw.reals([time, batch, input]),
    keys: draw.reals([keys, rows, size]),
    values: draw.reals([keys, rows, width]),
  }
  if (lengths) inputs['lengths'] = ints([batch], lengths)
  if (memoryLengths) inputs['memoryLengths'] = ints([rows], memoryLengths)
  if (score === 'additive') inputs['v'] = draw.reals([size], -1, 1)
  if (feeding === 'output') inputs['w_out'] = scaled(output, width + projection)
  if (!bare) {
    inputs['w_query'] = scaled(features, projection)
    for (const name of STATES[cell]!)
      inputs[`${name}0`] = draw.reals([layers, batch, name === 'h' ? projection : hidden])
    if (feeding === 'output') {
      inputs['fed0'] = draw.reals([batch, output])
      inputs['b_out'] = draw.reals([output])
    }
  }
  const fed = feeding === 'output' ? output : width
  for (let layer = 0; layer < layers; ++layer) {
    const width = layer === 0 ? input + fed : projection
    drawSlots(draw, inputs, layer, slotsOf(cell, hidden, width, projection, norm), !bare)
  }
  return inputs
}
