/**
 * Keras's weights as those of ours and the other way. A layer's are numbered in a group `vars` whose path is made of the
 * names of classes (`layers/lstm_1/cell/vars/0`): kernel, recurrent kernel, bias of a recurrent layer; kernel and bias of
 * Dense; the table of Embedding; gain and shift of LayerNormalization. A whole model's older `.h5` has them by name.
 */
import { RnnativeError, show } from '../../errors'
import type { HostTensor } from '../../nn'
import { gateOrders, isGateCount, reorder, transpose, type GateCount } from '../gates'
import { findStacks, type FoundStack } from '../names'
import { OP, type Dataset, type HDF5Contents } from './hdf5'

type Fail = (problem: string) => RnnativeError

/** What a path says: the layer's name, its cell's direction, and which of its numbers it is. */
interface Place {
  layer: string
  /** The class of the layer, as far as names tell. */
  kind: string
  direction: 0 | 1
  recurrent: boolean
  part: number
}

const NUMBERED = /^(.*?)\/?vars\/(\d+)$/
/** Of a whole model in one `.h5`: the layer, what is within, the part's name. */
const NAMED = /^model_weights\/([^/]+)\/(.+)\/(kernel|recurrent_kernel|bias|embeddings|gamma|beta)$/
const PARTS: Readonly<Record<string, number>> = {
  ...{ kernel: 0, recurrent_kernel: 1, embeddings: 0, gamma: 0, beta: 1 },
}

const kindOf = (name: string): string => name.replace(/_\d+$/, '')

function placeOf(
  path: string,
  names: HDF5Contents['names'],
  parts: ReadonlySet<string>,
): Place | null {
  const [, whole, inner = '', part = ''] = NAMED.exec(path) ?? []
  if (whole !== undefined) {
    const recurrent = parts.has(path.replace(/[^/]+$/, 'recurrent_kernel'))
    const direction = /(^|\/)backward_[^/]*\//.test(`${inner}/`) ? 1 : 0
    const at = part === 'bias' ? (recurrent ? 2 : 1) : (PARTS[part] ?? 0)
    const kind =
      part === 'embeddings'
        ? 'embedding'
        : part === 'gamma' || part === 'beta'
          ? 'layer_normalization'
          : 'dense'
    return { layer: whole, kind, direction, recurrent, part: at }
  }
  const [, owner, number] = NUMBERED.exec(path) ?? []
  if (owner === undefined) return null
  const words = owner
    .split('/')
    .filter((word) => word !== 'layers' && word !== '_layer_checkpoint_dependencies')
  const recurrent = words.at(-1) === 'cell'
  if (recurrent) words.pop()
  const direction = words.at(-1) === 'backward_layer' ? 1 : 0
  if (recurrent && /^(for|back)ward_layer$/.test(words.at(-1) ?? '')) words.pop()
  const layer = words.join('.')
  // Of a model's own class names are those of its fields, and Keras's own for the layer tells more.
  const own = kindOf(words.at(-1) ?? '')
  const kind = KINDS.includes(own) ? own : kindOf(names.get(`${owner}/vars`) ?? own)
  return { layer, kind, direction, recurrent, part: Number(number) }
}

const KINDS = ['dense', 'embedding', 'layer_normalization']

interface Parts {
  place: Place
  parts: Dataset[]
}

/** Numbers by layer and direction. */
function group({ datasets, names }: HDF5Contents, fail: Fail): Map<string, Parts> {
  const paths = new Set(datasets.keys())
  const groups = new Map<string, Parts>()
  for (const [path, dataset] of datasets) {
    const place = placeOf(path, names, paths)
    if (!place) throw fail(`${show(path)}: expected the numbers of a layer`)
    const key = `${place.layer}\n${place.direction}`
    const found = groups.get(key) ?? { place, parts: [] }
    groups.set(key, found)
    if (place.part > 2 || found.parts[place.part])
      throw fail(`${show(path)}: a layer has no such number`)
    found.parts[place.part] = dataset
  }
  return groups
}

const vector = (data: Float32Array): HostTensor => ({ shape: [data.length], data })

/** What a recurrent layer's numbers are: two biases of a GRU whose reset gate comes after the product. */
function recurrentOf({ place, parts }: Parts, fail: Fail): Record<string, HostTensor> {
  const [kernel, recurrent, bias] = parts
  const bad = (problem: string) => fail(`${place.layer}: ${problem}`)
  const [input = 0, columns = 0] = kernel?.shape ?? []
  const [hidden = 0, same = 0] = recurrent?.shape ?? []
  const gates = columns / hidden
  const fits = kernel?.shape.length === 2 && recurrent?.shape.length === 2 && same === columns
  if (!fits || !isGateCount(gates) || input < 1)
    throw bad(`a kernel of ${show(kernel?.shape)} and a recurrent one of ${show(recurrent?.shape)}`)
  const [theirs, ours] = [gateOrders.keras[gates], gateOrders.torch[gates]]
  const rows = (data: Float32Array, width: number) =>
    reorder(transpose(data, width, columns), theirs, ours)
  const made: Record<string, HostTensor> = {
    weight_ih: { shape: [columns, input], data: rows(kernel.data, input) },
    weight_hh: { shape: [columns, hidden], data: rows(recurrent.data, hidden) },
  }
  if (!bias) return made
  const two = bias.shape.length === 2
  if (bias.data.length !== (two ? 2 : 1) * columns || (two && bias.shape[0] !== 2))
    throw bad(`a bias of ${show(bias.shape)}`)
  made['bias_ih'] = vector(reorder(bias.data.subarray(0, columns), theirs, ours))
  made['bias_hh'] = vector(
    two ? reorder(bias.data.subarray(columns), theirs, ours) : new Float32Array(columns),
  )
  return made
}

function plainOf({ place: { layer, kind }, parts }: Parts, fail: Fail): Record<string, HostTensor> {
  const [first, second] = parts
  if (!first || parts.length > 2) throw fail(`${layer}: expected one or two tensors`)
  const shapes = parts.map(({ shape }) => shape)
  const [rows = 0, columns = 0] = first.shape
  const isTable = first.shape.length === 2 && parts.length === 1
  if (kind === 'embedding' && isTable) return { weight: first }
  const isDense = first.shape.length === 2 && (!second || second.data.length === columns)
  if (isDense && (kind === 'dense' || second))
    return {
      weight: { shape: [columns, rows], data: transpose(first.data, rows, columns) },
      ...(second && { bias: second }),
    }
  if (first.shape.length === 1 && (!second || second.data.length === first.data.length))
    return { weight: first, ...(second && { bias: second }) }
  throw fail(
    `${layer}: tensors of ${show(shapes.map((shape) => shape.join('x')))}, expected an Embedding, LSTM, GRU, SimpleRNN, Bidirectional, Dense or LayerNormalization`,
  )
}

/** Tensors by names of ours: `lstm_1.weight_ih_l0`, `bidirectional.weight_hh_l0_reverse`, `dense.weight`. */
export function fromKeras(contents: HDF5Contents, fail: Fail): Map<string, HostTensor> {
  const tensors = new Map<string, HostTensor>()
  for (const of of group(contents, fail).values()) {
    const { layer, direction, recurrent } = of.place
    const named = recurrent ? recurrentOf(of, fail) : plainOf(of, fail)
    const suffix = recurrent ? (direction === 1 ? '_l0_reverse' : '_l0') : ''
    for (const [name, tensor] of Object.entries(named)) {
      const full = `${layer === '' ? '' : `${layer}.`}${name}${suffix}`
      if (tensors.has(full)) throw fail(`${full} occurs twice`)
      tensors.set(full, tensor)
    }
  }
  return tensors
}

const CLASSES: Readonly<Record<GateCount, string>> = { 1: 'simple_rnn', 3: 'gru', 4: 'lstm' }

const refuse = (problem: string): never => {
  throw new RnnativeError('ERR_UNSUPPORTED', `[${OP}] ${problem}`)
}

const floats = ({ data }: HostTensor): Float32Array =>
  data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>)

export interface ToKerasOptions {
  /** Prefixes of GRUs whose reset gate comes before the product. */
  resetBefore?: readonly string[] | undefined
}

/** Names as Keras counts them: `lstm`, `lstm_1`. */
export class KerasNames {
  private readonly counts = new Map<string, number>()

  next(kind: string): string {
    const count = this.counts.get(kind) ?? 0
    this.counts.set(kind, count + 1)
    return count === 0 ? kind : `${kind}_${count}`
  }
}

/**
 * The numbers of a file that `load_weights` of a Keras model with the same layers in the same order reads. Each layer of
 * a stack is a layer of Keras. The groups of layers without numbers are not needed.
 */
export function toKeras(
  tensors: ReadonlyMap<string, HostTensor>,
  { resetBefore = [] }: ToKerasOptions = {},
): HDF5Contents {
  const { stacks } = findStacks(tensors)
  const contents: HDF5Contents = { datasets: new Map(), names: new Map([['vars', 'model']]) }
  const names = new KerasNames()
  const put = (layer: string, path: string, parts: readonly (Dataset | undefined)[]) => {
    contents.names.set(`layers/${layer}/${path}vars`, layer)
    for (const [i, part] of parts.entries())
      if (part) contents.datasets.set(`layers/${layer}/${path}vars/${i}`, part)
  }
  const done = new Set<string>()
  for (const name of sortedByLayer([...tensors.keys()])) {
    const prefix = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
    if (done.has(prefix)) continue
    done.add(prefix)
    const stack = stacks.get(prefix)
    if (stack) {
      const before = resetBefore.includes(prefix)
      for (let at = 0; at < stack.cells.length; at += stack.directions) {
        const kinds = stack.cells
          .slice(at, at + stack.directions)
          .map((_, direction) => cellParts(prefix, stack, at + direction, before))
        const [{ kind }] = kinds as [CellParts]
        const layer = names.next(stack.directions === 2 ? 'bidirectional' : kind)
        for (const [direction, { parts }] of kinds.entries()) {
          const ends = ['forward_layer/cell/', 'backward_layer/cell/']
          put(layer, stack.directions === 2 ? (ends[direction] as string) : 'cell/', parts)
        }
      }
      continue
    }
    const { kind, parts } = plainParts(prefix, tensors)
    put(names.next(kind), '', parts)
  }
  return contents
}

/** Layers in the order in which their names occur; those of one prefix counted once are in order already. */
const sortedByLayer = (names: readonly string[]): readonly string[] => {
  const number = (name: string) => Number(/_(\d+)$/.exec(name.split('.')[0] ?? '')?.[1] ?? 0)
  const base = (name: string) => kindOf(name.split('.')[0] ?? '')
  const first = new Map<string, number>()
  names.forEach((name, i) => first.set(base(name), first.get(base(name)) ?? i))
  const place = (name: string) => first.get(base(name)) ?? 0
  return [...names].sort((a, b) => place(a) - place(b) || number(a) - number(b))
}

interface CellParts {
  kind: string
  parts: Dataset[]
}

function cellParts(prefix: string, stack: FoundStack, at: number, before: boolean): CellParts {
  const cell = stack.cells[at] as FoundStack['cells'][0]
  for (const name of Object.keys(cell))
    if (!/^(weight|bias)_(ih|hh)$/.test(name))
      refuse(`${prefix}: Keras has no ${name.replace('weight_hr', 'projection (weight_hr)')}`)
  const [ih, hh] = [cell['weight_ih'], cell['weight_hh']] as [HostTensor, HostTensor]
  const [rows = 0, input = 0] = ih.shape
  const hidden = hh.shape[1] ?? 0
  const gates = rows / hidden
  if (!isGateCount(gates)) return refuse(`${prefix}: Keras has no cell of ${gates} gates`)
  const [ours, theirs] = [gateOrders.torch[gates], gateOrders.keras[gates]]
  const columns = (tensor: HostTensor, width: number): Dataset => ({
    shape: [width, rows],
    data: transpose(reorder(floats(tensor), ours, theirs), rows, width),
  })
  const parts = [columns(ih, input), columns(hh, hidden)]
  const [first, second] = [cell['bias_ih'], cell['bias_hh']].map((bias) =>
    bias ? reorder(floats(bias), ours, theirs) : new Float32Array(rows),
  ) as [Float32Array, Float32Array]
  if (cell['bias_ih'] || cell['bias_hh']) {
    const apart = gates === 3 && !before
    if (apart) {
      const both = new Float32Array(2 * rows)
      both.set(first)
      both.set(second, rows)
      parts.push({ shape: [2, rows], data: both })
    } else parts.push({ shape: [rows], data: first.map((b, i) => b + (second[i] as number)) })
  }
  return { kind: CLASSES[gates], parts }
}

function plainParts(prefix: string, tensors: ReadonlyMap<string, HostTensor>): CellParts {
  const own = [...tensors.keys()].filter((name) => name.slice(0, name.lastIndexOf('.')) === prefix)
  const [weight, bias] = ['weight', 'bias'].map((name) => tensors.get(`${prefix}.${name}`))
  const known = own.length === (bias ? 2 : 1)
  if (!weight || !known) return refuse(`${prefix}: Keras has no layer of ${own.join(', ')}`)
  const data = floats(weight)
  const rest = bias ? [{ shape: [...bias.shape], data: floats(bias) }] : []
  const [rows = 0, columns = 0] = weight.shape
  if (weight.shape.length === 1)
    return { kind: 'layer_normalization', parts: [{ shape: [rows], data }, ...rest] }
  if (weight.shape.length !== 2) return refuse(`${prefix}: a weight of ${show(weight.shape)}`)
  // Without a bias it may be either; the name tells.
  if (!bias && /embed|words|tokens/i.test(prefix))
    return { kind: 'embedding', parts: [{ shape: [rows, columns], data }] }
  return {
    kind: 'dense',
    parts: [{ shape: [columns, rows], data: transpose(data, rows, columns) }, ...rest],
  }
}
