/** Layers that are not recurrent, and a network's numbers, read. */
import {
  Embedding,
  Linear,
  Recurrent,
  type Module,
  type Parameter,
  type PositionEmbedding,
} from '../../nn'
import type { ResidualStack } from '../../nn/residual'
import type { Tensor } from '../../tensor'
import type { GraphBuilder } from './builder'
import { addAnyStack, addStack, readStack } from './recurrent'
import type { ReadStack, StackInputs, StackOutputs } from './recurrent'

const f32 = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await x.data())

/** Adds a network's layers to a graph. */
export class NetworkGraph {
  private readonly added = new Map<Parameter, string>()

  private constructor(
    readonly graph: GraphBuilder,
    private readonly values: ReadonlyMap<Tensor, Float32Array>,
    private readonly stacks: ReadonlyMap<Recurrent, ReadStack>,
  ) {}

  /** `hidden`: stacks whose parameters another module has for its own. */
  static async of(
    graph: GraphBuilder,
    network: Module,
    hidden: readonly Recurrent[] = [],
  ): Promise<NetworkGraph> {
    const modules = Array.from(network.namedModules(), ([, module]) => module)
    const found = [...modules.filter((one) => one instanceof Recurrent), ...hidden]
    const tensors: Tensor[] = [
      ...network.parameters(),
      ...modules.flatMap((module) => module.constants),
    ]
    const [read, values] = await Promise.all([
      Promise.all(found.map(async (stack) => [stack, await readStack(stack)] as const)),
      Promise.all(tensors.map(async (tensor) => [tensor, await f32(tensor)] as const)),
    ])
    return new NetworkGraph(graph, new Map(values), new Map(read))
  }

  valuesOf(parameter: Tensor): Float32Array {
    return this.values.get(parameter) as Float32Array
  }

  /** A parameter, once in a file wherever it is used. */
  weight(name: string, parameter: Parameter): string {
    const known = this.added.get(parameter)
    if (known !== undefined) return known
    const made = this.graph.weight(name, this.valuesOf(parameter), parameter.shape)
    this.added.set(parameter, made)
    return made
  }

  /** x Wᵀ. */
  product(name: string, x: string, weight: Parameter): string {
    const turned = this.graph.transpose(this.weight(name, weight), [1, 0])
    return this.graph.node('MatMul', [x, turned])
  }

  affine(name: string, x: string, weight: Parameter, bias: Parameter | null): string {
    const y = this.product(`${name}.weight`, x, weight)
    return bias ? this.graph.add2(y, this.weight(`${name}.bias`, bias)) : y
  }

  linear(name: string, x: string, { weight, bias }: Linear): string {
    return this.affine(name, x, weight, bias)
  }

  embedding(name: string, ids: string, { weight }: Embedding): string {
    return this.graph.node('Gather', [this.weight(`${name}.weight`, weight), ids])
  }

  /** Ids, or vectors through a layer. */
  embed(name: string, x: string, layer: Embedding | Linear): string {
    return layer instanceof Linear ? this.linear(name, x, layer) : this.embedding(name, x, layer)
  }

  stack(x: string, stack: Recurrent | ResidualStack, inputs: StackInputs = {}): StackOutputs {
    const of = (one: Recurrent) => this.stacks.get(one) as ReadStack
    if (stack instanceof Recurrent) return addStack(this.graph, x, of(stack), inputs)
    return addAnyStack(this.graph, x, { residual: true, parts: stack.stack.map(of) }, inputs)
  }

  /** x [time, ..] with the vectors of its steps' positions; `first`: i32 [1], that of the first. */
  positions(x: string, positions: PositionEmbedding | null, first = ''): string {
    if (!positions) return x
    const { graph } = this
    const { limit, features, weight } = positions
    const table = weight
      ? this.weight('positions.weight', weight)
      : graph.weight('sinusoids', this.valuesOf(positions.table), [limit, features])
    const steps = this.steps(x)
    const from = first === '' ? steps : graph.add2(steps, this.int64(first))
    const at = graph.node('Mod', [from, graph.ints([limit])])
    return graph.add2(x, graph.unsqueeze(graph.node('Gather', [table, at]), [1]))
  }

  int64 = (x: string): string => this.graph.node('Cast', [x], { to: { int: 7 } })
  float = (x: string): string => this.graph.node('Cast', [x], { to: { int: 1 } })

  /** The numbers of x's steps: i64 [time]. */
  steps(x: string): string {
    const { graph } = this
    const time = graph.pick(graph.node('Shape', [x]), 0, 0)
    const one = (value: number) => graph.ints([value], { scalar: true })
    return graph.node('Range', [one(0), time, one(1)])
  }

  /** Which steps are before a row's end: bool [time, batch, 1]. */
  mask(x: string, lengths: string): string {
    const { graph } = this
    const steps = graph.unsqueeze(this.steps(x), [1, 2])
    const ends = graph.unsqueeze(this.int64(lengths), [0, 2])
    return graph.node('Less', [steps, ends])
  }

  /** What is masked is zero. */
  masked = (x: string, mask: string): string => this.graph.node('Mul', [x, this.float(mask)])

  /** What is masked is as low as can be. */
  lowered = (x: string, mask: string): string =>
    this.graph.node('Where', [mask, x, this.graph.number(-Infinity)])

  sum = (x: string, axis: number, keep: 0 | 1 = 0): string =>
    this.graph.node('ReduceSum', [x, this.graph.ints([axis])], { keepdims: { int: keep } })

  max = (x: string, axis: number): string =>
    this.graph.node('ReduceMax', [x], { axes: { ints: [axis] }, keepdims: { int: 0 } })

  softmax = (x: string, axis: number): string =>
    this.graph.node('Softmax', [x], { axis: { int: axis } })
}
