/** Recurrent state [layers, rows, hidden] on the host, cut and joined along the rows of the batch. */
import { isFloat64Array } from '../kinds'
import type { HostTensor } from '../nn'
import type { TypedArray } from '../tensor'

type Extents = [layers: number, rows: number, hidden: number]

const likeOf = (data: TypedArray, length: number): TypedArray =>
  isFloat64Array(data) ? new Float64Array(length) : new Float32Array(length)

/** The parts one below the other; all have the same layers and hidden size. */
export function joinRows(parts: readonly HostTensor[]): HostTensor {
  const [first] = parts as readonly [HostTensor, ...HostTensor[]]
  const [layers, , hidden] = first.shape as Extents
  const total = parts.reduce((sum, { shape }) => sum + (shape as Extents)[1], 0)
  const data = likeOf(first.data, layers * total * hidden)
  for (let layer = 0; layer < layers; ++layer) {
    let row = 0
    for (const part of parts) {
      const size = (part.shape as Extents)[1] * hidden
      data.set(part.data.subarray(layer * size, (layer + 1) * size), (layer * total + row) * hidden)
      row += (part.shape as Extents)[1]
    }
  }
  return { shape: [layers, total, hidden], data }
}

/** Rows [first, first + rows) of each layer. */
export function splitRows({ shape, data }: HostTensor, first: number, rows: number): HostTensor {
  const [layers, total, hidden] = shape as Extents
  const part = likeOf(data, layers * rows * hidden)
  for (let layer = 0; layer < layers; ++layer) {
    const begin = (layer * total + first) * hidden
    part.set(data.subarray(begin, begin + rows * hidden), layer * rows * hidden)
  }
  return { shape: [layers, rows, hidden], data: part }
}
