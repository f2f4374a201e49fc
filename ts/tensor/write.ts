import { Pauses } from '../pauses'
import { native, type TypedArray } from '../native/index'
import { toTypedArray } from './device'
import { checkShape } from './shape'
import type { Tensor } from './tensor'

/** Elements that are copied without a pause. */
const PART = 1 << 20

/** As {@link Tensor.assign} of as many numbers, but leaves the event loop to others now and then. */
export async function assignInParts(x: Tensor, values: TypedArray, pauses: Pauses): Promise<void> {
  checkShape('assign', 'source', [values.length], [x.size])
  for (let begin = 0; begin < values.length; begin += PART) {
    const part = values.subarray(begin, begin + PART)
    const place = native.view(x.handle, begin, [part.length])
    try {
      native.writeInto(place, toTypedArray('assign', 'source', x.dtype, part))
    } finally {
      native.dispose(place)
    }
    if (pauses.due) await pauses.pause()
  }
}
