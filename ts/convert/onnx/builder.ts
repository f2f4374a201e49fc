/** Builds an ONNX model, node by node. Names of values are made here but for those of inputs and outputs. */
import { RnnativeError } from '../../errors'
import { ATTRIBUTE, FLOAT, INT32, INT64, modelType } from './messages'

/** Of the operators that are written; the oldest with all of them. */
const OPSET = 17
const IR_VERSION = 8
/** protobuf's. */
const MOST_BYTES = 2 ** 31 - 1

export type AttributeValue =
  | { float: number }
  | { int: number }
  | { string: string }
  | { floats: number[] }
  | { ints: number[] }
  | { strings: string[] }

const FIELDS = {
  float: 'f',
  int: 'i',
  string: 's',
  floats: 'floats',
  ints: 'ints',
  strings: 'strings',
}

/** An extent, or the name of one that may be any. */
export type Extent = number | string

const bytesOf = (data: Float32Array | Int32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

export class GraphBuilder {
  private readonly nodes: object[] = []
  private readonly initializers: object[] = []
  private readonly inputs: object[] = []
  private readonly outputs: object[] = []
  private readonly integers = new Map<string, string>()
  private made = 0
  private size = 0

  private fresh(word: string): string {
    return `${word}_${this.made++}`
  }

  private add(
    name: string,
    dataType: number,
    dims: readonly number[],
    rawData: Uint8Array,
  ): string {
    this.size += rawData.length
    this.initializers.push({ name, dataType, dims, rawData })
    return name
  }

  /** Numbers that are learned, by their own name. */
  weight(name: string, data: Float32Array, dims: readonly number[]): string {
    return this.add(this.fresh(name), FLOAT, dims, bytesOf(data))
  }

  number(value: number): string {
    return this.weight('number', Float32Array.of(value), [])
  }

  /** A list of integers, each once in a file; one by itself where `scalar`. */
  ints(values: readonly number[], { scalar = false } = {}): string {
    const key = `${values.join(' ')}${scalar ? ' scalar' : ''}`
    const known = this.integers.get(key)
    if (known !== undefined) return known
    const data = BigInt64Array.from(values, BigInt)
    const name = this.add(this.fresh('ints'), INT64, scalar ? [] : [values.length], bytesOf(data))
    this.integers.set(key, name)
    return name
  }

  /** The names of a node's outputs. */
  nodeOf(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue | undefined>> = {},
    outputs = 1,
  ): string[] {
    const output = Array.from({ length: outputs }, () => this.fresh(opType.toLowerCase()))
    const attribute = Object.entries(attributes).flatMap(([name, given]) => {
      const [kind, value] = Object.entries(given ?? {})[0] ?? []
      if (kind === undefined) return []
      const bytes = (text: string) => Buffer.from(text)
      const written =
        kind === 'string'
          ? bytes(value as string)
          : kind === 'strings'
            ? (value as string[]).map(bytes)
            : value
      const type = ATTRIBUTE[kind as keyof typeof ATTRIBUTE]
      return [{ name, type, [FIELDS[kind as keyof typeof FIELDS]]: written }]
    })
    const input = [...inputs]
    while (input.at(-1) === '') input.pop()
    this.nodes.push({ name: output[0], opType, input, output, attribute })
    return output
  }

  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue | undefined>> = {},
  ): string {
    return this.nodeOf(opType, inputs, attributes)[0] as string
  }

  private value(name: string, elemType: number, dims: readonly Extent[]): object {
    const dim = dims.map((extent) =>
      typeof extent === 'number' ? { dimValue: extent } : { dimParam: extent },
    )
    return { name, type: { tensorType: { elemType, shape: { dim } } } }
  }

  input(name: string, dims: readonly Extent[], type: 'f32' | 'i32' = 'f32'): string {
    this.inputs.push(this.value(name, type === 'f32' ? FLOAT : INT32, dims))
    return name
  }

  output(name: string, value: string, dims: readonly Extent[]): void {
    this.nodes.push({ name, opType: 'Identity', input: [value], output: [name], attribute: [] })
    this.outputs.push(this.value(name, FLOAT, dims))
  }

  // --- what is used often

  add2 = (a: string, b: string): string => this.node('Add', [a, b])
  concat = (parts: readonly string[], axis: number): string =>
    parts.length === 1 ? (parts[0] as string) : this.node('Concat', parts, { axis: { int: axis } })
  reshape = (x: string, shape: readonly number[]): string =>
    this.node('Reshape', [x, this.ints(shape)])
  transpose = (x: string, perm: readonly number[]): string =>
    this.node('Transpose', [x], { perm: { ints: [...perm] } })
  unsqueeze = (x: string, axes: readonly number[]): string =>
    this.node('Unsqueeze', [x, this.ints(axes)])
  squeeze = (x: string, axes: readonly number[]): string =>
    this.node('Squeeze', [x, this.ints(axes)])
  slice = (x: string, axis: number, begin: number, end: number): string =>
    this.node('Slice', [x, this.ints([begin]), this.ints([end]), this.ints([axis])])
  /** One place of an axis, which goes. */
  pick = (x: string, axis: number, at: number): string =>
    this.node('Gather', [x, this.ints([at], { scalar: true })], { axis: { int: axis } })

  encode(op: string, name: string): Uint8Array {
    if (this.size > MOST_BYTES - 2 ** 20)
      throw new RnnativeError(
        'ERR_ARGUMENT',
        `[${op}] expected less than 2 GiB of weights, which is most of ONNX, got ${this.size} bytes`,
      )
    const graph = {
      ...{ name, node: this.nodes, initializer: this.initializers },
      ...{ input: this.inputs, output: this.outputs },
    }
    return modelType(op)
      .encode({
        ...{ irVersion: IR_VERSION, producerName: 'rnnative', graph },
        opsetImport: [{ domain: '', version: OPSET }],
      })
      .finish()
  }
}
