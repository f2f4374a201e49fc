/** LSTM, GRU and RNN nodes of ONNX as recurrent layers of ours. */
import { show } from '../../errors'
import { GRU, LSTM, RNN, type HostTensor, type Recurrent, type RecurrentState } from '../../nn'
import * as ops from '../../ops'
import type { Activation, Integers } from '../../ops'
import { tensor, Tensor } from '../../tensor'
import { COUPLED, gateOrders, reorder } from '../gates'
import type { Attribute, Node } from './messages'
import { ACTIVATIONS, unsupported } from './recurrent'
import type { Fail, Floats, Value } from './values'

type Kind = 'LSTM' | 'GRU' | 'RNN'
export const isRecurrent = (opType: string): opType is Kind =>
  opType === 'LSTM' || opType === 'GRU' || opType === 'RNN'

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const
const USUAL: Readonly<Record<Kind, readonly Activation[]>> = {
  LSTM: ['sigmoid', 'tanh', 'tanh'],
  GRU: ['sigmoid', 'tanh'],
  RNN: ['tanh'],
}

const TAKEN = [
  ...['activations', 'activation_alpha', 'activation_beta', 'clip', 'direction', 'hidden_size'],
  ...['input_forget', 'layout', 'linear_before_reset', 'output_sequence'],
]

export interface OnnxLayer {
  readonly module: Recurrent
  readonly reversed: boolean
  /** 1: batches come first. */
  readonly layout: number
}

class Attributes {
  constructor(
    private readonly node: Node,
    private readonly fail: Fail,
  ) {
    for (const { name } of node.attribute)
      if (!TAKEN.includes(name)) throw fail(`attribute ${show(name)} is not known`)
  }

  private get(name: string): Attribute | undefined {
    return this.node.attribute.find((one) => one.name === name)
  }

  int = (name: string, usual: number): number => this.get(name)?.i ?? usual
  float = (name: string): number | undefined => this.get(name)?.f
  floats = (name: string): readonly number[] => this.get(name)?.floats ?? []
  text = (name: string, usual: string): string =>
    Buffer.from(this.get(name)?.s ?? Buffer.from(usual)).toString('latin1')
  texts = (name: string): string[] =>
    (this.get(name)?.strings ?? []).map((bytes) => Buffer.from(bytes).toString('latin1'))

  /** The functions of one direction, which those of the other must be, too. */
  activations(kind: Kind, directions: number): readonly Activation[] {
    const names = this.texts('activations')
    const usual = USUAL[kind]
    if (names.length === 0) return usual
    if (names.length !== directions * usual.length)
      throw this.fail(`activations: expected ${directions * usual.length}, got ${names.length}`)
    const alphas = [...this.floats('activation_alpha')]
    const betas = [...this.floats('activation_beta')]
    const all = names.map((name) => {
      const found = Object.entries(ACTIVATIONS).find(
        ([, one]) => one.name.toLowerCase() === name.toLowerCase(),
      )
      if (!found) throw unsupported(`activations: ${show(name)} is none of ours`)
      const [own, { alpha, beta }] = found
      if (alpha !== undefined) {
        const [a, b] = [alphas.shift() ?? alpha, betas.shift() ?? beta]
        const same =
          Math.fround(a) === Math.fround(alpha) &&
          Math.fround(b ?? NaN) === Math.fround(beta ?? NaN)
        if (!same) throw unsupported(`activations: ${name} of ${a} and ${b} is none of ours`)
      }
      return own as Activation
    })
    const own = all.slice(0, usual.length)
    for (let i = usual.length; i < all.length; ++i)
      if (all[i] !== own[i - usual.length])
        throw unsupported('activations: the two directions have different ones')
    return own
  }
}

/** Part of a direction. */
const part = ({ floats, shape }: Floats, direction: number): Float32Array => {
  const size = floats.length / (shape[0] as number)
  return floats.subarray(direction * size, (direction + 1) * size)
}

function check(floats: Floats, name: string, shape: readonly number[], fail: Fail): void {
  if (floats.shape.length !== shape.length || floats.shape.some((n, i) => n !== shape[i]))
    throw fail(`${name}: expected ${show(shape)}, got ${show(floats.shape)}`)
}

/** The layer of a node; `constant` gives what the file has under a name. */
export function makeLayer(
  node: Node,
  constant: (name: string, of: string) => Floats | null,
  fail: Fail,
): OnnxLayer {
  const kind = node.opType as Kind
  const attributes = new Attributes(node, fail)
  const direction = attributes.text('direction', 'forward')
  if (!['forward', 'reverse', 'bidirectional'].includes(direction))
    throw fail(`direction: expected forward, reverse or bidirectional, got ${show(direction)}`)
  const directions = direction === 'bidirectional' ? 2 : 1
  const layout = attributes.int('layout', 0)
  if (layout !== 0 && layout !== 1) throw fail(`layout: expected 0 or 1, got ${layout}`)
  const at = (index: number) => node.input[index] ?? ''
  const [W, R] = [constant(at(1), 'W'), constant(at(2), 'R')]
  if (!W || !R) throw fail('expected W and R')
  const hidden = R.shape[2] ?? 0
  const input = W.shape[2] ?? 0
  const rows = GATES[kind] * hidden
  if (hidden < 1 || input < 1) throw fail('expected units and inputs')
  const told = attributes.int('hidden_size', hidden)
  if (told !== hidden) throw fail(`hidden_size: expected ${hidden}, as R has it, got ${told}`)
  check(W, 'W', [directions, rows, input], fail)
  check(R, 'R', [directions, rows, hidden], fail)
  const B = constant(at(3), 'B')
  if (B) check(B, 'B', [directions, 2 * rows], fail)
  const P = kind === 'LSTM' ? constant(at(7), 'P') : null
  if (P) check(P, 'P', [directions, 3 * hidden], fail)

  const functions = attributes.activations(kind, directions)
  const clip = attributes.float('clip')
  if (clip !== undefined && !(clip > 0)) throw fail(`clip: expected more than 0, got ${clip}`)
  const usual = functions.every((one, i) => one === USUAL[kind][i])
  const sizes = { input, hidden, bidirectional: directions === 2, gateClip: clip, seed: 0 }
  const coupled = kind === 'LSTM' && attributes.int('input_forget', 0) === 1
  const module = makeModule(kind, sizes, {
    functions: usual ? undefined : functions,
    coupled,
    peephole: P !== null,
    before: attributes.int('linear_before_reset', 0) === 0,
  })
  module.loadStateDict(stateOf({ kind, directions, hidden, input, coupled }, { W, R, B, P }))
  return { module, reversed: direction === 'reverse', layout }
}

interface Sizes {
  input: number
  hidden: number
  bidirectional: boolean
  gateClip: number | undefined
  seed: number
}

interface Choices {
  functions: readonly Activation[] | undefined
  coupled: boolean
  peephole: boolean
  before: boolean
}

function makeModule(
  kind: Kind,
  sizes: Sizes,
  { functions, coupled, peephole, before }: Choices,
): Recurrent {
  const [first, second, third] = functions ?? []
  switch (kind) {
    case 'LSTM': {
      const seen = coupled ? (['i', 'o'] as const) : true
      return new LSTM({
        ...{ ...sizes, coupled, peephole: peephole ? seen : false },
        activations: functions && { gate: first, candidate: second, output: third },
      })
    }
    case 'GRU':
      return new GRU({
        ...{ ...sizes, resetBefore: before },
        activations: functions && { gate: first, candidate: second },
      })
    case 'RNN':
      return new RNN({ ...sizes, nonlinearity: first })
  }
}

interface Extents {
  kind: Kind
  directions: number
  hidden: number
  input: number
  coupled: boolean
}

/** Weights under our names, gates in our order. */
function stateOf(
  { kind, directions, hidden, input, coupled }: Extents,
  { W, R, B, P }: { W: Floats; R: Floats; B: Floats | null; P: Floats | null },
): Map<string, HostTensor> {
  const state = new Map<string, HostTensor>()
  const gates = GATES[kind]
  const [theirs, ours] = [gateOrders.onnx[gates], coupled ? COUPLED : gateOrders.torch[gates]]
  const rows = ours.length * hidden
  for (let direction = 0; direction < directions; ++direction) {
    const suffix = direction === 0 ? 'l0' : 'l0_reverse'
    const set = (name: string, shape: number[], data: Float32Array) =>
      state.set(`${name}_${suffix}`, { shape, data })
    const turned = (data: Float32Array) => reorder(data, theirs, ours)
    set('weight_ih', [rows, input], turned(part(W, direction)))
    set('weight_hh', [rows, hidden], turned(part(R, direction)))
    const biases = B ? part(B, direction) : new Float32Array(2 * gates * hidden)
    set('bias_ih', [rows], turned(biases.subarray(0, gates * hidden)))
    set('bias_hh', [rows], turned(biases.subarray(gates * hidden)))
    if (!P) continue
    const sees = part(P, direction)
    const peephole = (at: number) => sees.slice(at * hidden, (at + 1) * hidden)
    set('peephole_i', [hidden], peephole(0))
    set('peephole_o', [hidden], peephole(1))
    if (!coupled) set('peephole_f', [hidden], peephole(2))
  }
  return state
}

/** x [time, batch, ..], each row's steps up to its length in the opposite order. */
function reverse(x: Tensor, lengths: Integers | null): Tensor {
  const [time, batch, features] = x.shape as [number, number, number]
  if (lengths instanceof Tensor)
    throw unsupported('lengths of a layer that reads backward must be given as numbers')
  const ids = new Int32Array(time * batch)
  for (let t = 0; t < time; ++t)
    for (let b = 0; b < batch; ++b) {
      const length = lengths?.[b] ?? time
      ids[t * batch + b] = (t < length ? length - 1 - t : t) * batch + b
    }
  const rows = ops.reshape(x, [time * batch, features])
  return ops.embedding(tensor(ids, [time, batch], { device: x.device }), rows)
}

/** Y, Y_h and Y_c of a layer's inputs, as ONNX has them. */
export function runLayer(
  { module, reversed, layout }: OnnxLayer,
  inputs: { x: Tensor; lengths: Integers | null; h: Tensor | null; c: Tensor | null },
): Value[] {
  const swapped = (x: Tensor, axes: number[]) => (layout === 1 ? ops.permute(x, axes) : x)
  const x = swapped(inputs.x, [1, 0, 2])
  const { lengths } = inputs
  const h = inputs.h && swapped(inputs.h, [1, 0, 2])
  const c = inputs.c && swapped(inputs.c, [1, 0, 2])
  const { output, state: last } = module.forward(reversed ? reverse(x, lengths) : x, {
    state: stateOr(module, x, h, c),
    lengths,
  })
  const y = reversed ? reverse(output, lengths) : output
  const [time, batch] = y.shape as [number, number]
  const { directions, hidden } = module
  const apart = ops.reshape(y, [time, batch, directions, hidden])
  const turned = layout === 1 ? ops.permute(apart, [1, 0, 2, 3]) : ops.permute(apart, [0, 2, 1, 3])
  const states = [last.h, ...(last.c ? [last.c] : [])]
  return [turned, ...states.map((state) => swapped(state, [1, 0, 2]))]
}

/** The states that are given, zeros in place of one that is not; null: none is. */
function stateOr(
  { directions, hidden, cell }: Recurrent,
  x: Tensor,
  h: Tensor | null,
  c: Tensor | null,
): RecurrentState | null {
  if (!h && !c) return null
  const nothing = () => {
    const shape = [directions, x.shape[1] as number, hidden]
    return tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape, { device: x.device })
  }
  return ops.hasC[cell] ? { h: h ?? nothing(), c: c ?? nothing() } : { h: h ?? nothing() }
}
