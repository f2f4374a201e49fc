/** Names of tensors in a state dict, and the recurrent layers among them. */
import { checkNames, isObject, whole } from '../check'
import { expect, RnnativeError, show } from '../errors'
import { isMap } from '../kinds'
import type { HostTensor } from '../nn'

/** Another name, of a recurrent layer also which layer of a stack it is to be: `{ name: 'rnn', layer: 1 }`. */
export type NewName = string | { readonly name: string; readonly layer: number }

const OF_LAYER = /^(.*_l)(\d+)((?:_reverse)?)$/

/**
 * Tensors under other names: `{ lstm: 'rnn', lstm_1: { name: 'rnn', layer: 1 }, dense: 'output' }`. A name stands for
 * itself and for all that follows it after a dot. `ERR_ARGUMENT` for one that no tensor has, or where two would
 * have one name.
 */
export function rename(
  tensors: ReadonlyMap<string, HostTensor>,
  names: Readonly<Record<string, NewName>>,
): Map<string, HostTensor> {
  expect('rename', 'tensors', isMap(tensors), 'a Map of tensors by name', tensors)
  expect('rename', 'names', isObject(names), 'an object of names', names)
  const used = new Set<string>()
  const renamed = new Map<string, HostTensor>()
  // Of several that begin a name the longest counts.
  const known = Object.entries(names).sort(([a], [b]) => b.length - a.length)
  for (const [own, tensor] of tensors) {
    const found = known.find(([name]) => own === name || own.startsWith(`${name}.`))
    const name = found ? renamedTo(own, found) : own
    if (found) used.add(found[0])
    expect('rename', own, !renamed.has(name), 'a name that no other tensor has', name)
    renamed.set(name, tensor)
  }
  for (const [name] of known)
    expect('rename', name, used.has(name), `one of ${[...tensors.keys()].join(', ')}`, name)
  return renamed
}

function renamedTo(own: string, [name, to]: [string, NewName]): string {
  const rest = own.slice(name.length)
  if (typeof to === 'string') return to === '' ? rest.slice(1) : to + rest
  checkNames('rename', to, { name: true, layer: true }, `${name}.`)
  const { name: base, layer } = to
  const valid = typeof base === 'string' && whole(layer, 0)
  expect('rename', name, valid, 'a name, or { name, layer }', to)
  const match = OF_LAYER.exec(rest)
  expect('rename', own, match !== null, 'a tensor of a recurrent layer', own)
  const [, begin = '', at = '', end = ''] = match ?? []
  return `${base}${begin}${Number(at) + layer}${end}`
}

/** The weights of one layer and direction, by their slots' names: `weight_ih`, `bias_hh`. */
export type Weights = Readonly<Record<string, HostTensor | undefined>>

/** A recurrent stack among tensors. */
export interface FoundStack {
  /** Layer-major, both directions of a layer side by side. */
  cells: Weights[]
  directions: 1 | 2
}

const SLOT =
  /^(?:(.*)\.)?((?:weight|bias)_(?:ih|hh|hr)|peephole_[ifo]|norm_(?:ih|hh|c|c_bias)|threshold)_l(\d+)(_reverse)?$/

/** Stacks by the prefix of their names, and the other tensors. */
export function findStacks(tensors: ReadonlyMap<string, HostTensor>): {
  stacks: Map<string, FoundStack>
  others: Map<string, HostTensor>
} {
  const parts = new Map<string, Map<string, Record<string, HostTensor>>>()
  const others = new Map<string, HostTensor>()
  for (const [name, tensor] of tensors) {
    const [, prefix = '', slot = '', layer, reverse] = SLOT.exec(name) ?? []
    if (layer === undefined) {
      others.set(name, tensor)
      continue
    }
    const stack = parts.get(prefix) ?? new Map<string, Record<string, HostTensor>>()
    parts.set(prefix, stack)
    const key = `${Number(layer)}${reverse ?? ''}`
    const cell = stack.get(key) ?? {}
    stack.set(key, cell)
    cell[slot] = tensor
  }
  return {
    stacks: new Map([...parts].map(([prefix, cells]) => [prefix, stackOf(prefix, cells)])),
    others,
  }
}

function stackOf(prefix: string, cells: ReadonlyMap<string, Weights>): FoundStack {
  const directions = [...cells.keys()].some((key) => key.endsWith('_reverse')) ? 2 : 1
  const ordered: Weights[] = []
  for (let layer = 0; ordered.length < cells.size; ++layer)
    for (const suffix of ['', '_reverse'].slice(0, directions)) {
      const cell = cells.get(`${layer}${suffix}`)
      if (!cell?.['weight_ih'] || !cell['weight_hh'])
        throw new RnnativeError(
          'ERR_FORMAT',
          `[convert] ${prefix}: expected weight_ih_l${layer}${suffix} and weight_hh_l${layer}${suffix}`,
        )
      ordered.push(cell)
    }
  return { cells: ordered, directions }
}

/**
 * Rows of a tensor in another order, as another vocabulary has them: `takeRows(table, tokenizer.tokens.map((token) =>
 * words.indexOf(token)))`. `ERR_INDEX` for a row that is none.
 */
export function takeRows(tensor: HostTensor, rows: readonly number[]): HostTensor {
  const valid = isObject(tensor) && Array.isArray(tensor.shape) && tensor.shape.length > 0
  expect('takeRows', 'tensor', valid, '{ shape, data } with rows', tensor)
  expect('takeRows', 'rows', Array.isArray(rows), 'a list of numbers', rows)
  const { shape, data } = tensor
  const [count = 0, ...rest] = shape
  const width = rest.reduce((n, extent) => n * extent, 1)
  const Numbers = data.constructor as new (length: number) => typeof data
  const taken = new Numbers(rows.length * width)
  for (const [i, row] of rows.entries()) {
    if (!whole(row, 0) || row >= count)
      throw new RnnativeError(
        'ERR_INDEX',
        `[takeRows] rows: expected 0..${count - 1}, got ${show(row)}`,
      )
    taken.set(data.subarray(row * width, (row + 1) * width), i * width)
  }
  return { shape: [rows.length, ...rest], data: taken }
}
