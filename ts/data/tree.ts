/** A batch as the device sees it: values with shapes go there, all else stays as it is. */
import { isInt32Array, isPlain, isView } from '../kinds'
import type { HostTensor } from '../nn'
import type { Tensor, TypedArray } from '../tensor'
import { TOKEN_STEP } from '../tensor/program'

/** A batch whose values are on the device. */
export type OnDevice<B> = B extends HostTensor
  ? Tensor
  : B extends Tensor | TypedArray | string | number | boolean | null | undefined
    ? B
    : B extends object
      ? { [K in keyof B]: OnDevice<B[K]> }
      : B

function isHostTensor(value: object): value is HostTensor {
  const { shape, data } = value as Partial<HostTensor>
  return Array.isArray(shape) && isView(data)
}

/** Arrays and plain objects, whose entries are looked at. */
const isTree = (value: object): boolean => Array.isArray(value) || isPlain(value)

/** All values with shapes in a batch, in a fixed order. */
export function hostTensors(batch: unknown): HostTensor[] {
  if (typeof batch !== 'object' || batch === null) return []
  if (isHostTensor(batch)) return [batch]
  return isTree(batch) ? Object.values(batch).flatMap(hostTensors) : []
}

/** The batch with these tensors in their places. */
export function withTensors<B>(batch: B, tensors: readonly Tensor[]): OnDevice<B> {
  let at = 0
  const visit = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (isHostTensor(value)) return tensors[at++]
    if (Array.isArray(value)) return value.map(visit)
    if (!isTree(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, visit(entry)]))
  }
  return visit(batch) as OnDevice<B>
}

/**
 * What a step recorded of a batch depends on: shapes, what else is in it, and for how many tokens there
 * is room, as any list of whole numbers may hold lengths. Null where it holds what cannot be compared.
 */
export function keyOf(batch: unknown): string | null {
  if (typeof batch === 'function' || typeof batch === 'symbol') return null
  if (typeof batch !== 'object' || batch === null) return JSON.stringify(batch) ?? 'none'
  if (isHostTensor(batch)) {
    const { shape, data } = batch
    if (!isInt32Array(data)) return `f${shape.join('x')}`
    if (shape.length !== 1) return `i${shape.join('x')}`
    return `i${data.length}/${Math.ceil(data.reduce((sum, x) => sum + x, 0) / TOKEN_STEP)}`
  }
  if (!isTree(batch)) return null
  const keys = Object.entries(batch).map(([name, value]) => [name, keyOf(value)] as const)
  return keys.some(([, key]) => key === null)
    ? null
    : keys.map(([name, key]) => `${name}:${key}`).join(' ')
}
