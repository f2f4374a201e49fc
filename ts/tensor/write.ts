import type { Wait } from '../pauses'
import { native, type TypedArray } from '../native/index'
import { toTypedArray } from './device'
import { checkShape } from './shape'
import { Tensor } from './tensor'

/** Elements that are copied without a pause. */
const PART = 1 << 18
/** Elements that the engine may be behind: where it has too many bytes of ours, the next call blocks until it has not. */
const AHEAD = 1 << 24

/** Waits until a number of a tensor has been written. Rejects where that failed. */
async function written(x: Tensor, at: number): Promise<void> {
  const one = native.view(x.handle, at, [1])
  await native.read(one).finally(() => native.dispose(one))
}

/** As {@link Tensor.assign} of as many numbers, in parts between which the event loop may be left to others. */
export function* assigning(
  x: Tensor,
  value: Tensor | { readonly data: TypedArray },
): Generator<Wait | void, void> {
  if (value instanceof Tensor) {
    x.assign(value)
    return
  }
  const { data } = value
  checkShape('assign', 'source', [data.length], [x.size])
  for (let begin = 0; begin < data.length; begin += PART) {
    const part = data.subarray(begin, begin + PART)
    const place = native.view(x.handle, begin, [part.length])
    try {
      native.writeInto(place, toTypedArray('assign', 'source', x.dtype, part))
    } finally {
      native.dispose(place)
    }
    yield begin % AHEAD === 0 ? () => written(x, begin) : undefined
  }
}
