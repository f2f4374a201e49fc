/**
 * Nodes of ONNX that surround recurrent layers, by ops of ours. Integers that shapes are reckoned with stay on the host;
 * those that a caller gives (ids) are tensors.
 */
import * as ops from '../../ops'
import { tensor, type Tensor } from '../../tensor'
import type { NodeCall } from './call'
import { intsOf, isTensor, type Ints, type Value } from './values'

/** Most numbers that shapes in a file may ask for at a time, such as first states of zeros. */
const MOST_NUMBERS = 2 ** 24
const MOST_INTS = 1 << 16

type Operator = (call: NodeCall) => Value

/** An element-wise op on tensors, or on integers of the host. */
const binary =
  (real: (a: Tensor, b: Tensor) => Tensor, whole: (a: number, b: number) => number): Operator =>
  (call) => {
    const [a, b] = [call.value(0), call.value(1)]
    if (isTensor(a) || isTensor(b)) return real(call.tensor(0), call.tensor(1))
    const [longer, other] = a.ints.length >= b.ints.length ? [a, b] : [b, a]
    if (other.ints.length !== 1 && other.ints.length !== longer.ints.length)
      throw call.fail('integers of different lengths')
    const at = ({ ints }: Ints, i: number) => ints[ints.length === 1 ? 0 : i] as number
    return intsOf(
      longer.ints.map((_, i) => whole(at(a, i), at(b, i))),
      longer.shape,
    )
  }

const unary =
  (op: (x: Tensor) => Tensor): Operator =>
  (call) =>
    op(call.tensor(0))

function withShape(value: Value, shape: readonly number[]): Value {
  return isTensor(value) ? ops.reshape(value, shape) : intsOf(value.ints, shape)
}

function unsqueeze(call: NodeCall): Value {
  const value = call.value(0)
  const axes = call.axes(1) ?? []
  const dims = value.shape.length + axes.length
  const places = new Set(axes.map((axis) => call.axis(axis, dims)))
  if (places.size !== axes.length) throw call.fail('an axis occurs twice')
  const rest = [...value.shape]
  const shape = Array.from({ length: dims }, (_, i) => (places.has(i) ? 1 : (rest.shift() ?? 1)))
  return withShape(value, shape)
}

function squeeze(call: NodeCall): Value {
  const value = call.value(0)
  const places = call.axes(1)?.map((axis) => call.axis(axis, value.shape.length))
  const goes = (n: number, i: number) => (places ? places.includes(i) : n === 1)
  if (value.shape.some((n, i) => goes(n, i) && n !== 1)) throw call.fail('an axis is not 1 long')
  return withShape(
    value,
    value.shape.filter((n, i) => !goes(n, i)),
  )
}

function reshape(call: NodeCall): Value {
  const value = call.value(0)
  const asked = call.ints(1).ints
  const shape = asked.map((n, i) => (n === 0 ? (value.shape[i] ?? 0) : n))
  const free = shape.indexOf(-1)
  const size = value.shape.reduce((a, b) => a * b, 1)
  if (free >= 0) {
    const others = shape.reduce((a, b, i) => (i === free ? a : a * b), 1)
    shape[free] = others > 0 ? size / others : 0
  }
  if (call.size(shape) !== size)
    throw call.fail(`a shape of [${asked.join(', ')}] for ${size} numbers`)
  return withShape(value, shape)
}

function gather(call: NodeCall): Value {
  const [data, indices] = [call.value(0), call.value(1)]
  const axis = call.axis(call.int('axis', 0), data.shape.length)
  const extent = data.shape[axis] as number
  if (isTensor(indices)) {
    if (!isTensor(data) || axis !== 0) throw call.fail('indices that are given, on another axis')
    const width = data.shape.slice(1)
    const table = ops.reshape(data, [extent, call.size(width)])
    return ops.reshape(ops.embedding(indices, table), [...indices.shape, ...width])
  }
  const places = indices.ints.map((i) => call.axis(i, extent))
  if (!isTensor(data)) {
    if (data.shape.length !== 1) throw call.fail('integers of more than one axis')
    return intsOf(
      places.map((i) => data.ints[i] as number),
      indices.shape,
    )
  }
  const before = data.shape.slice(0, axis)
  const shape = [...before, ...indices.shape, ...data.shape.slice(axis + 1)]
  call.size(shape)
  if (places.length === 0 || places.length > MOST_INTS) throw call.fail(`${places.length} indices`)
  const parts = places.map((i) => ops.slice(data, axis, i, 1))
  return ops.reshape(parts.length === 1 ? (parts[0] as Tensor) : ops.concat(parts, axis), shape)
}

function concat(call: NodeCall): Value {
  const values = call.values()
  if (values.every(isTensor)) return ops.concat(values, call.int('axis', 0))
  const all = values.flatMap((value, i) => (value.shape.length > 0 ? [...call.ints(i).ints] : []))
  if (all.length > MOST_INTS) throw call.fail('more integers than a shape has')
  return intsOf(all)
}

/** The range of an axis that begin, end and a step of 1 mean. */
function rangeOf(extent: number, begin: number, end: number): [number, number] {
  const place = (at: number) => Math.max(0, Math.min(extent, at < 0 ? at + extent : at))
  const [from, to] = [place(begin), place(end)]
  return [from, Math.max(from, to)]
}

function slice(call: NodeCall): Value {
  let value = call.value(0)
  const list = (at: number, name: string) =>
    call.maybe(at) === undefined ? call.intList(name) : call.ints(at).ints
  const [begins, ends] = [list(1, 'starts') ?? [], list(2, 'ends') ?? []]
  const axes = list(3, 'axes') ?? begins.map((_, i) => i)
  const steps = call.maybe(4) === undefined ? [] : call.ints(4).ints
  if (steps.some((step) => step !== 1)) throw call.fail('a step other than 1')
  if (ends.length !== begins.length || axes.length !== begins.length)
    throw call.fail('as many begins as ends and axes')
  for (const [i, given] of axes.entries()) {
    const axis = call.axis(given, value.shape.length)
    const extent = value.shape[axis] as number
    const [from, to] = rangeOf(extent, begins[i] as number, ends[i] as number)
    value = isTensor(value)
      ? ops.slice(value, axis, from, to - from)
      : intsOf(value.ints.slice(from, to))
  }
  return value
}

const filled = (call: NodeCall, shape: readonly number[], value: number): Tensor =>
  tensor(new Float32Array(call.size(shape, MOST_NUMBERS)).fill(value), [...shape], {
    device: call.device,
  })

function constantOfShape(call: NodeCall): Value {
  const shape = call.ints(0).ints
  const value = call.node.attribute.find(({ name }) => name === 'value')?.t
  if (!value) return filled(call, shape, 0)
  if (value.dataType === 1) {
    const bytes = Buffer.from(value.rawData)
    const number = bytes.length === 4 ? bytes.readFloatLE() : (value.floatData[0] ?? 0)
    return filled(call, shape, number)
  }
  const whole = value.rawData.length === 8 ? Number(Buffer.from(value.rawData).readBigInt64LE()) : 0
  return intsOf(Array<number>(call.size(shape, MOST_INTS)).fill(whole), shape)
}

/** By the sum with zeros of that shape, which broadcasts. */
function expand(call: NodeCall): Value {
  const value = call.value(0)
  const shape = call.ints(1).ints
  if (isTensor(value)) return ops.add(value, filled(call, shape, 0))
  if (value.ints.length !== 1) throw call.fail('integers of more than one')
  return intsOf(Array<number>(call.size(shape, MOST_INTS)).fill(value.ints[0] as number), shape)
}

function gemm(call: NodeCall): Value {
  const [transposeA, transposeB] = [call.int('transA', 0) === 1, call.int('transB', 0) === 1]
  const product = ops.matmul(call.tensor(0), call.tensor(1), { transposeA, transposeB })
  const scaled = ops.mul(product, call.float('alpha', 1))
  return call.maybe(2) === undefined
    ? scaled
    : ops.add(scaled, ops.mul(call.tensor(2), call.float('beta', 1)))
}

function range(call: NodeCall): Value {
  const [[from = 0], [to = 0], [by = 1]] = [0, 1, 2].map((at) => call.ints(at).ints) as number[][]
  const length = Math.max(0, Math.ceil(((to as number) - (from as number)) / (by as number)))
  const count = call.size([length], MOST_INTS)
  return intsOf(Array.from({ length: count }, (_, i) => (from as number) + i * (by as number)))
}

function less(call: NodeCall): Value {
  const real = [0, 1].some((at) => {
    const value = call.value(at)
    return isTensor(value) && value.dtype !== 'i32'
  })
  return real
    ? ops.less(call.tensor(0), call.tensor(1))
    : ops.less(call.integers(0), call.integers(1))
}

const reduced =
  (op: (x: Tensor, axis: number) => Tensor): Operator =>
  (call) => {
    const x = call.tensor(0)
    const axes = call.axes(1)
    const [axis] = axes ?? []
    if (axis === undefined || axes?.length !== 1) throw call.fail('expected one axis')
    const at = call.axis(axis, x.dims)
    const y = op(x, at)
    return call.int('keepdims', 1) === 1
      ? ops.reshape(
          y,
          x.shape.map((n, i) => (i === at ? 1 : n)),
        )
      : y
  }

/** Types are kept but for integers that become reals. */
function cast(call: NodeCall): Value {
  const value = call.value(0)
  const isReal = [1, 10, 11, 16].includes(call.int('to', 1))
  if (!isTensor(value)) return isReal ? call.tensor(0) : value
  if (isReal === (value.dtype !== 'i32')) return value
  if (!isReal) throw call.fail('reals as integers')
  return ops.toReal(value)
}

function shapeOf(call: NodeCall): Value {
  const { shape } = call.value(0)
  const place = (at: number) => Math.max(0, Math.min(shape.length, at < 0 ? at + shape.length : at))
  return intsOf(shape.slice(place(call.int('start', 0)), place(call.int('end', shape.length))))
}

function softmax(op: (x: Tensor, axis: number) => Tensor): Operator {
  return (call) => {
    const x = call.tensor(0)
    return op(x, call.axis(call.int('axis', -1), x.dims))
  }
}

function transpose(call: NodeCall): Value {
  const x = call.tensor(0)
  const usual = [...x.shape.keys()].reverse()
  return ops.permute(x, call.intList('perm') ?? usual)
}

function flatten(call: NodeCall): Value {
  const value = call.value(0)
  const { shape } = value
  const axis = call.int('axis', 1)
  const at = axis < 0 ? axis + shape.length : axis
  const size = (extents: readonly number[]) => extents.reduce((a, b) => a * b, 1)
  return withShape(value, [size(shape.slice(0, at)), size(shape.slice(at))])
}

/** By the name of their type. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['Identity', (call) => call.value(0)],
  ['Dropout', (call) => call.value(0)],
  ['Shape', shapeOf],
  ['Cast', cast],
  ['Gather', gather],
  ['Unsqueeze', unsqueeze],
  ['Squeeze', squeeze],
  ['Concat', concat],
  ['Reshape', reshape],
  ['Flatten', flatten],
  ['Transpose', transpose],
  ['Slice', slice],
  ['Expand', expand],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
  ['Less', less],
  ['Where', (call) => ops.where(call.integers(0), call.tensor(1), call.tensor(2))],
  ['Add', binary(ops.add, (a, b) => a + b)],
  ['Sub', binary(ops.sub, (a, b) => a - b)],
  ['Mul', binary(ops.mul, (a, b) => a * b)],
  ['Div', binary(ops.div, (a, b) => Math.trunc(a / b))],
  ['MatMul', (call) => ops.matmul(call.tensor(0), call.tensor(1))],
  ['Gemm', gemm],
  ['Tanh', unary(ops.tanh)],
  ['Sigmoid', unary(ops.sigmoid)],
  ['Relu', unary(ops.relu)],
  ['Softmax', softmax(ops.softmax)],
  ['LogSoftmax', softmax(ops.logSoftmax)],
  ['ReduceMean', reduced(ops.mean)],
  ['ReduceSum', reduced(ops.sum)],
  ['ReduceMax', reduced(ops.max)],
])
