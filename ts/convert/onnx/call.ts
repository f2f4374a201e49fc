/** What an operator of ONNX is given. */
import { tensor, type Tensor } from '../../tensor'
import type { Node } from './messages'
import { isTensor, type Fail, type Ints, type Value } from './values'

/** A node's inputs and attributes, checked as they are asked for. */
export class NodeCall {
  constructor(
    readonly node: Node,
    private readonly inputs: readonly (Value | undefined)[],
    readonly device: Tensor['device'],
    readonly fail: Fail,
  ) {}

  get count(): number {
    return this.inputs.length
  }

  maybe(at: number): Value | undefined {
    return this.inputs[at]
  }

  value(at: number): Value {
    const found = this.inputs[at]
    if (found === undefined) throw this.fail(`expected an input ${at}`)
    return found
  }

  values(): Value[] {
    return this.inputs.map((_, i) => this.value(i))
  }

  /** An input as reals; integers of the file become such. */
  tensor(at: number): Tensor {
    const found = this.value(at)
    return isTensor(found)
      ? found
      : tensor(Float32Array.from(found.ints), [...found.shape], { device: this.device })
  }

  ints(at: number): Ints {
    const found = this.value(at)
    if (isTensor(found)) throw this.fail(`input ${at}: expected integers that the file gives`)
    return found
  }

  /** An input as i32, as which truth is told, too. */
  integers(at: number): Tensor {
    const found = this.value(at)
    if (isTensor(found)) return found
    return tensor(Int32Array.from(found.ints), [...found.shape], { device: this.device })
  }

  private attribute = (name: string) => this.node.attribute.find((one) => one.name === name)
  int = (name: string, usual: number): number => this.attribute(name)?.i ?? usual
  float = (name: string, usual: number): number => this.attribute(name)?.f ?? usual
  intList = (name: string): readonly number[] | undefined => this.attribute(name)?.ints
  has = (name: string): boolean => this.attribute(name) !== undefined

  /** Axes, which older versions have as an attribute. */
  axes(at: number): readonly number[] | undefined {
    return this.maybe(at) === undefined ? this.intList('axes') : this.ints(at).ints
  }

  axis(axis: number, dims: number): number {
    const found = axis < 0 ? axis + dims : axis
    if (!Number.isInteger(found) || found < 0 || found >= dims)
      throw this.fail(`axis ${axis}: there are ${dims}`)
    return found
  }

  size(shape: readonly number[], most = Infinity): number {
    const size = shape.reduce((n, extent) => n * extent, 1)
    if (!shape.every((n) => Number.isInteger(n) && n >= 0) || !(size <= most))
      throw this.fail(`a shape of [${shape.join(', ')}]`)
    return size
  }
}
