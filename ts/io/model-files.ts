import type { HostTensor } from '../nn'
import type { Tensor } from '../tensor'

/** A model's weights, in its directory and in each checkpoint. */
export const MODEL_FILE = 'model.safetensors'

/** Values of tensors by name. */
export async function toHost(
  tensors: Iterable<readonly [string, Tensor]>,
): Promise<Map<string, HostTensor>> {
  const read = Array.from(tensors, async ([name, tensor]) => {
    const data = await tensor.data()
    return [name, { shape: tensor.shape, data }] as const
  })
  return new Map(await Promise.all(read))
}
