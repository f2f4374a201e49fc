/** Recurrent stacks as nodes of ONNX: one for each layer, both directions in it. */
import { RnnativeError } from '../../errors'
import type { Activation, CellParameters } from '../../ops'
import { cells as cellRows, gatesOf, hasC } from '../../ops/cells'
import type { Recurrent } from '../../nn'
import { ResidualStack } from '../../nn/residual'
import type { Tensor } from '../../tensor'
import { COUPLED, gateOrders, isGateCount, reorder } from '../gates'
import type { AttributeValue, GraphBuilder } from './builder'

export const OP = 'onnx'

export const unsupported = (what: string): RnnativeError =>
  new RnnativeError('ERR_UNSUPPORTED', `[${OP}] ${what}`)

/** ONNX's functions; those with two numbers have them here, and `identity` is another name of one. */
export const ACTIVATIONS: Readonly<
  Record<Activation, { name: string; alpha?: number; beta?: number }>
> = {
  sigmoid: { name: 'Sigmoid' },
  tanh: { name: 'Tanh' },
  relu: { name: 'Relu' },
  hard_sigmoid: { name: 'HardSigmoid', alpha: 0.2, beta: 0.5 },
  identity: { name: 'Affine', alpha: 1, beta: 0 },
}

type Values = Readonly<Partial<Record<keyof CellParameters, Float32Array>>>

/** A stack whose numbers have been read, thresholds being in its biases. */
export interface ReadStack {
  stack: Recurrent
  cells: Values[]
}

async function readTensor(x: Tensor | null | undefined): Promise<Float32Array | undefined> {
  return x ? Float32Array.from(await x.data()) : undefined
}

/** All reads are enqueued before the first of them is awaited. */
export async function readStack(stack: Recurrent): Promise<ReadStack> {
  const reads = stack.withCells(null, stack.cells(), (cells) =>
    cells.map((cell) =>
      Object.entries<Tensor | null | undefined>({ ...cell }).map(
        async ([name, tensor]) => [name, await readTensor(tensor)] as const,
      ),
    ),
  )
  const cells = await Promise.all(
    reads.map(async (cell) => Object.fromEntries(await Promise.all(cell)) as Values),
  )
  return { stack, cells }
}

function checkExpressible({ stack, cells }: ReadStack): void {
  const { cell, zoneout, cellOptions } = stack
  if (cells.some((of) => of.weightProjection)) throw unsupported(`a projection of an LSTM's h`)
  if (cells.some((of) => of.normInput)) throw unsupported('layer norm inside a cell')
  if ((cellOptions?.cellClip ?? Infinity) !== Infinity)
    throw unsupported(`a bound of the state of ${cell} (cellClip)`)
  if (Object.values(zoneout).some((share) => share > 0))
    throw unsupported('zoneout, which acts in evaluation, too')
}

/** What a layer's node says beside its weights. */
function attributesOf({ stack }: ReadStack): Record<string, AttributeValue | undefined> {
  const { cell, directions, hidden, cellOptions } = stack
  const {
    gate = 'sigmoid',
    candidate = 'tanh',
    output = 'tanh',
    gateClip = Infinity,
  } = cellOptions ?? {}
  const own: Activation[] = hasC[cell]
    ? [gate, candidate, output]
    : gatesOf[cell] > 1
      ? [gate, candidate]
      : [candidate]
  const all = Array.from({ length: directions }, () => own.map((one) => ACTIVATIONS[one])).flat()
  const numbered = all.filter(({ alpha }) => alpha !== undefined)
  const products = cellRows.find(({ name }) => name === cell)?.products
  const isGru = !hasC[cell] && gatesOf[cell] > 1
  return {
    hidden_size: { int: hidden },
    direction: { string: directions === 2 ? 'bidirectional' : 'forward' },
    activations: cellOptions && { strings: all.map(({ name }) => name) },
    activation_alpha:
      numbered.length > 0 ? { floats: numbered.map(({ alpha = 0 }) => alpha) } : undefined,
    activation_beta:
      numbered.length > 0 ? { floats: numbered.map(({ beta = 0 }) => beta) } : undefined,
    clip: gateClip === Infinity ? undefined : { float: gateClip },
    linear_before_reset: isGru ? { int: products === 1 ? 1 : 0 } : undefined,
    input_forget: hasC[cell] && gatesOf[cell] === 3 ? { int: 1 } : undefined,
  }
}

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const made = new Float32Array(parts.reduce((n, part) => n + part.length, 0))
  let at = 0
  for (const part of parts) {
    made.set(part, at)
    at += part.length
  }
  return made
}

/** W, R, B and P of a layer. */
function weightsOf(
  read: ReadStack,
  layer: number,
): Record<'W' | 'R' | 'B' | 'P', Float32Array | null> {
  const { cell, directions, hidden } = read.stack
  const gates = gatesOf[cell]
  const order = hasC[cell] ? gateOrders.onnx[4] : isGateCount(gates) ? gateOrders.onnx[gates] : ''
  const ours = hasC[cell] && gates === 3 ? COUPLED : gateOrders.torch[gates as 1 | 3 | 4]
  const own = read.cells.slice(layer * directions, (layer + 1) * directions)
  const turned = (data: Float32Array | undefined) =>
    reorder(data ?? new Float32Array(gates * hidden), ours, order)
  const sees = own.some((of) => of.peepholeInput ?? of.peepholeForget ?? of.peepholeOutput)
  const nothing = new Float32Array(hidden)
  return {
    W: joined(own.map((of) => turned(of.weightInput))),
    R: joined(own.map((of) => turned(of.weightHidden))),
    B: own.some((of) => of.biasInput)
      ? joined(own.flatMap((of) => [turned(of.biasInput), turned(of.biasHidden)]))
      : null,
    P: sees
      ? joined(
          own.flatMap((of) =>
            [of.peepholeInput, of.peepholeOutput, of.peepholeForget].map((p) => p ?? nothing),
          ),
        )
      : null,
  }
}

export interface StackInputs {
  /** i32 [batch]; empty: all steps. */
  lengths?: string
  /** [layers * directions, batch, hidden]; empty: zeros. */
  h?: string
  c?: string
}

export interface StackOutputs {
  /** [time, batch, directions * hidden] */
  output: string
  h: string
  /** Empty where there is none. */
  c: string
}

/** Adds the layers' nodes: x [time, batch, features]. */
export function addStack(
  graph: GraphBuilder,
  x: string,
  read: ReadStack,
  { lengths = '', h = '', c = '' }: StackInputs = {},
): StackOutputs {
  checkExpressible(read)
  const { cell, directions, hidden, layers, input } = read.stack
  const rows = (hasC[cell] ? 4 : gatesOf[cell]) * hidden
  const kind = hasC[cell] ? 'LSTM' : gatesOf[cell] > 1 ? 'GRU' : 'RNN'
  const attributes = attributesOf(read)
  const states: { h: string; c: string }[] = []
  let output = x
  for (let layer = 0; layer < layers; ++layer) {
    const width = layer === 0 ? input : directions * hidden
    const weights = weightsOf(read, layer)
    const weight = (name: 'W' | 'R' | 'B' | 'P', dims: number[]) => {
      const data = weights[name]
      return data ? graph.weight(name, data, [directions, ...dims]) : ''
    }
    const part = (state: string) =>
      state === '' || layers === 1
        ? state
        : graph.slice(state, 0, layer * directions, (layer + 1) * directions)
    const inputs = [output, weight('W', [rows, width]), weight('R', [rows, hidden])]
    inputs.push(weight('B', [2 * rows]), lengths, part(h))
    if (hasC[cell]) inputs.push(part(c), weight('P', [3 * hidden]))
    const [y = '', hn = '', cn = ''] = graph.nodeOf(kind, inputs, attributes, hasC[cell] ? 3 : 2)
    states.push({ h: hn, c: cn })
    output =
      directions === 1
        ? graph.squeeze(y, [1])
        : graph.reshape(graph.transpose(y, [0, 2, 1, 3]), [0, 0, directions * hidden])
  }
  const all = (name: 'h' | 'c') =>
    graph.concat(
      states.map((state) => state[name]),
      0,
    )
  return { output, h: all('h'), c: hasC[cell] ? all('c') : '' }
}

/** A stack of either kind, read. */
export type ReadAnyStack = { residual: boolean; parts: ReadStack[] }

export async function readAnyStack(stack: Recurrent | ResidualStack): Promise<ReadAnyStack> {
  if (!(stack instanceof ResidualStack)) return { residual: false, parts: [await readStack(stack)] }
  return { residual: true, parts: await Promise.all(stack.stack.map(readStack)) }
}

/** The same of a stack whose layers may add their input to their output. */
export function addAnyStack(
  graph: GraphBuilder,
  x: string,
  { residual, parts }: ReadAnyStack,
  inputs: StackInputs = {},
): StackOutputs {
  if (!residual) return addStack(graph, x, parts[0] as ReadStack, inputs)
  const made: StackOutputs[] = []
  let output = x
  for (const [layer, read] of parts.entries()) {
    const { directions, input, hidden } = read.stack
    const part = (state = '') =>
      state === '' ? '' : graph.slice(state, 0, layer * directions, (layer + 1) * directions)
    const own = { lengths: inputs.lengths ?? '', h: part(inputs.h), c: part(inputs.c) }
    const result = addStack(graph, output, read, own)
    made.push(result)
    // What lies past a sequence's end is not read by what follows.
    output = input === directions * hidden ? graph.add2(output, result.output) : result.output
  }
  const all = (name: 'h' | 'c') =>
    graph.concat(
      made.map((one) => one[name]),
      0,
    )
  return { output, h: all('h'), c: made[0]?.c === '' ? '' : all('c') }
}
