/** Reads ONNX models of recurrent networks, as networks of ours. */
import { checkPath } from '../../check'
import { RnnativeError, show } from '../../errors'
import { readFileOrThrow } from '../../io/files'
import { messageOf } from '../../kinds'
import { isRecurrent, makeLayer, type OnnxLayer } from './layer'
import { modelType, type Graph, type Node } from './messages'
import { OnnxNetwork } from './graph'
import { OPERATORS } from './operators'
import { OP, unsupported } from './recurrent'
import { readTensor, type Fail, type Floats, type Ints } from './values'

/** Bounds of a graph, far beyond use. */
const MOST_NODES = 1 << 14
const OPSETS = { least: 7, most: 30 }

interface Model {
  graph: Graph | null
  opsetImport: { domain: string; version: number }[]
  functions: unknown[]
}

function decodeModel(file: Uint8Array, fail: Fail): Graph {
  const type = modelType(OP)
  let model: Model
  try {
    const message = type.decode(file)
    model = type.toObject(message, { longs: Number, defaults: true, arrays: true }) as never
  } catch (error) {
    if (error instanceof RnnativeError) throw error
    throw fail(`not a message of ONNX: ${messageOf(error)}`)
  }
  const { graph, opsetImport, functions } = model
  if (!graph || graph.node.length === 0) throw fail('holds no graph')
  const opset =
    opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0
  if (!(opset >= OPSETS.least && opset <= OPSETS.most))
    throw fail(`opset: expected ${OPSETS.least} to ${OPSETS.most}, got ${opset}`)
  if (functions.length > 0) throw unsupported('functions of a model')
  if (graph.sparseInitializer.length > 0) throw unsupported('sparse tensors')
  if (graph.node.length > MOST_NODES) throw fail(`more than ${MOST_NODES} nodes`)
  return graph
}

const failAt =
  (fail: Fail, { name, opType }: Node): Fail =>
  (problem) =>
    fail(`node ${show(name)} (${opType.slice(0, 40)}): ${problem}`)

/** Every value has one source, and none is read before it is made. */
function checkOrder(graph: Graph, fail: Fail): void {
  const known = new Set<string>(graph.initializer.map(({ name }) => name))
  if (known.size !== graph.initializer.length) throw fail('two tensors have one name')
  for (const { name } of graph.input) known.add(name)
  for (const node of graph.node) {
    const unknown = node.input.find((name) => name !== '' && !known.has(name))
    if (unknown !== undefined)
      throw failAt(fail, node)(`reads ${show(unknown)}, which nothing before it makes`)
    for (const name of node.output) {
      if (name !== '' && known.has(name)) throw failAt(fail, node)(`makes ${show(name)} again`)
      if (name !== '') known.add(name)
    }
  }
  for (const { name } of graph.output)
    if (!known.has(name)) throw fail(`output ${show(name)}: nothing makes it`)
}

/**
 * Reads an ONNX model of a recurrent network (LSTM, GRU and RNN nodes with what usually stands between: embeddings,
 * products, shapes) as a module: `network.forward({ name: tensor })` gives its outputs by name. Its recurrent layers are
 * those of `nn`, in `network.layers`; all parameters can be learned on and saved. `ERR_UNSUPPORTED` names what is
 * none of ours, `ERR_FORMAT` what is wrong in the file. Needs `protobufjs`.
 */
export async function readOnnx(path: string): Promise<OnnxNetwork> {
  checkPath(OP, 'path', path)
  const fail: Fail = (problem) => new RnnativeError('ERR_FORMAT', `[${OP}] ${path}: ${problem}`)
  const graph = decodeModel(await readFileOrThrow(path), fail)
  checkOrder(graph, fail)
  const values = new Map<string, Floats | Ints>()
  for (const proto of graph.initializer) values.set(proto.name, readTensor(proto, fail))
  const layers = new Map<Node, OnnxLayer>()
  const steps: Node[] = []
  const names = new Map<string, string>()
  try {
    for (const node of graph.node) {
      const wrong = failAt(fail, node)
      if (node.domain !== '' && node.domain !== 'ai.onnx')
        throw unsupported(`${node.opType} of ${node.domain}`)
      if (node.opType === 'Constant') {
        values.set(node.output[0] ?? '', constantOf(node, wrong))
        continue
      }
      // A tensor under another name.
      const same = node.opType === 'Identity' ? values.get(node.input[0] ?? '') : undefined
      if (same) {
        const [from = '', to = ''] = [node.input[0], node.output[0]]
        names.set(to, names.get(from) ?? from)
        values.set(to, same)
        continue
      }
      steps.push(node)
      if (isRecurrent(node.opType)) {
        const constant = (name: string, of: string) => {
          if (name === '') return null
          const found = values.get(name)
          if (!found || !('floats' in found)) throw wrong(`${of}: expected numbers of the file`)
          return found
        }
        layers.set(node, makeLayer(node, constant, wrong))
      } else if (!OPERATORS.has(node.opType))
        throw unsupported(
          `${path}: node ${show(node.name)}: no operator ${node.opType.slice(0, 40)}`,
        )
    }
    return new OnnxNetwork({ graph, steps, layers, values, names, fail })
  } catch (error) {
    for (const { module } of layers.values()) module.dispose()
    throw error
  }
}

function constantOf(node: Node, fail: Fail): Floats | Ints {
  const [given] = node.attribute
  if (!given || node.output.length !== 1) throw fail('expected one value')
  switch (given.name) {
    case 'value':
      if (given.t) return readTensor(given.t, fail)
      break
    case 'value_float':
      return { shape: [], floats: Float32Array.of(given.f) }
    case 'value_floats':
      return { shape: [given.floats.length], floats: Float32Array.from(given.floats) }
    case 'value_int':
      return { shape: [], ints: [given.i] }
    case 'value_ints':
      return { shape: [given.ints.length], ints: given.ints }
  }
  throw fail(`a value that is ${show(given.name)}`)
}
