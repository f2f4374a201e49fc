/** A network that an ONNX file describes. */
import { isObject } from '../../check'
import { expect, RnnativeError, show } from '../../errors'
import { isInt32Array } from '../../kinds'
import { Module, type Recurrent } from '../../nn'
import type { Integers } from '../../ops'
import { Parameter, scope, Tensor, tensor } from '../../tensor'
import { NodeCall } from './call'
import { runLayer, type OnnxLayer } from './layer'
import type { Graph, Node } from './messages'
import { OPERATORS } from './operators'
import { isTensor, type Fail, type Floats, type Ints, type Value } from './values'

interface Parts {
  graph: Graph
  steps: readonly Node[]
  layers: ReadonlyMap<Node, OnnxLayer>
  values: ReadonlyMap<string, Floats | Ints>
  names: ReadonlyMap<string, string>
  fail: Fail
}

/** Reals, ids as i32, lengths also as plain numbers. */
export type OnnxInputs = Readonly<Record<string, Tensor | Int32Array>>

/**
 * What `readOnnx` gives. Parameters: those of recurrent layers, by the names of their nodes (`lstm.weight_ih_l0`), and
 * the other tensors of the file under theirs.
 */
export class OnnxNetwork extends Module {
  /** Recurrent layers by the names of their nodes. */
  readonly layers: ReadonlyMap<string, Recurrent>
  /** Names of inputs, in the file's order. */
  readonly inputs: readonly string[]
  /** Names of its outputs, in the graph's order. */
  readonly outputs: readonly string[]
  private readonly parts: Parts
  private readonly weights: ReadonlyMap<string, Parameter>

  /** @internal */
  constructor(parts: Parts) {
    super()
    this.parts = parts
    const { graph, values } = parts
    this.inputs = graph.input.map(({ name }) => name).filter((name) => !values.has(name))
    this.outputs = graph.output.map(({ name }) => name)
    const layers = new Map<string, Recurrent>()
    for (const [{ name, opType }, { module }] of parts.layers) {
      const own = (name === '' ? opType.toLowerCase() : name)
        .replace(/^\//, '')
        .replaceAll('/', '.')
      let free = own
      for (let i = 1; layers.has(free); ++i) free = `${own}_${i}`
      layers.set(free, module)
    }
    this.layers = layers
    this.weights = this.makeWeights()
  }

  /** The tensors of the file that something else than a recurrent layer's weights reads. */
  private makeWeights(): Map<string, Parameter> {
    const { steps, layers, values, names } = this.parts
    const weights = new Map<string, Parameter>()
    for (const node of steps)
      for (const [i, input] of node.input.entries()) {
        const name = names.get(input) ?? input
        const found = values.get(input)
        const inLayer = layers.has(node) && [1, 2, 3, 7].includes(i)
        if (inLayer || weights.has(name) || !found || !('floats' in found)) continue
        const made = new Parameter(found.shape)
        made.assign(found.floats)
        weights.set(name, made)
      }
    return weights
  }

  protected override *members(): Iterable<[string, Parameter | Module]> {
    yield* this.layers
    yield* this.weights
  }

  /** Computes the outputs by name. `ERR_ARGUMENT` for an input that is missing or none. */
  forward(inputs: OnnxInputs): Record<string, Tensor> {
    expect('onnx', 'inputs', isObject(inputs), 'an object of tensors by name', inputs)
    for (const name of Object.keys(inputs))
      expect('onnx', name, this.inputs.includes(name), `one of ${this.inputs.join(', ')}`, name)
    for (const name of this.inputs) {
      const given: unknown = inputs[name]
      const valid = given instanceof Tensor || isInt32Array(given)
      expect('onnx', name, valid, 'a tensor or an Int32Array', given)
    }
    return scope(() => this.compute(inputs))
  }

  private compute(inputs: OnnxInputs): Record<string, Tensor> {
    const { graph, steps, values, names, fail } = this.parts
    const device = this.parameters()[0]?.device ?? 'cpu'
    const known = new Map<string, Value>()
    for (const [name, value] of values)
      if ('ints' in value) known.set(name, value)
      else {
        const weight = this.weights.get(names.get(name) ?? name)
        if (weight) known.set(name, weight)
      }
    for (const name of this.inputs) known.set(name, valueOf(inputs[name] as Tensor | Int32Array))
    for (const node of steps) {
      const made = this.step(node, known, device)
      for (const [i, name] of node.output.entries()) {
        const value = made[i]
        if (name === '') continue
        if (value === undefined) throw fail(`node ${show(node.name)}: has no output ${i}`)
        known.set(name, value)
      }
    }
    return Object.fromEntries(
      graph.output.map(({ name }) => {
        const value = known.get(name) as Value
        const given = Object.values(inputs).includes(value as Tensor)
        const held = isTensor(value) && (given || value instanceof Parameter)
        // What is the caller's or the network's own is given as another tensor.
        return [name, held ? value.detach() : tensorOf(value, device)]
      }),
    )
  }

  private step(node: Node, known: ReadonlyMap<string, Value>, device: Tensor['device']): Value[] {
    const layer = this.parts.layers.get(node)
    const inputs = node.input.map((name) => (name === '' ? undefined : known.get(name)))
    const fail: Fail = (problem) =>
      new RnnativeError(
        'ERR_ARGUMENT',
        `[onnx] node ${show(node.name)} (${node.opType}): ${problem}`,
      )
    const call = new NodeCall(node, inputs, device, fail)
    if (!layer) return [(OPERATORS.get(node.opType) as (call: NodeCall) => Value)(call)]
    const real = (at: number) => (call.maybe(at) === undefined ? null : call.tensor(at))
    return runLayer(layer, { x: call.tensor(0), lengths: lengthsOf(call), h: real(5), c: real(6) })
  }
}

function lengthsOf(call: NodeCall): Integers | null {
  const value = call.maybe(4)
  if (value === undefined) return null
  return isTensor(value) ? value : value.ints
}

/** Integers of one axis stay on the host: shapes and lengths. */
const valueOf = (given: Tensor | Int32Array): Value =>
  given instanceof Tensor ? given : { shape: [given.length], ints: Array.from(given) }

const tensorOf = (value: Value, device: Tensor['device']): Tensor =>
  isTensor(value) ? value : tensor(Int32Array.from(value.ints), [...value.shape], { device })
