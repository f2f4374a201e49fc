/** Central finite differences on `reference` against autograd, for whole graphs. */
import type { ExecutionContext } from 'ava'
import { noGrad, ops, scope, type Tensor } from 'rnnative'

const STEP = 1e-5

/** Largest difference between the two, relative to the largest derivative. */
async function difference(
  leaf: Tensor,
  gradient: Float64Array,
  loss: () => Tensor,
): Promise<number> {
  const values = Float64Array.from(await leaf.data())
  const at = async (): Promise<number> => {
    using y = scope(() => noGrad(loss))
    return y.item()
  }
  let worst = 0
  let largest = 0
  for (let i = 0; i < values.length; ++i) {
    const value = values[i] as number
    const shifted = Float64Array.from(values)
    shifted[i] = value + STEP
    leaf.assign(shifted)
    const above = await at()
    shifted[i] = value - STEP
    leaf.assign(shifted)
    const expected = (above - (await at())) / (2 * STEP)
    worst = Math.max(worst, Math.abs(expected - (gradient[i] as number)))
    largest = Math.max(largest, Math.abs(expected))
  }
  leaf.assign(values)
  return worst / largest
}

/** Checks the gradients of the sum of what `body` returns, squared, so that all of it counts. */
export async function checkGradients(
  t: ExecutionContext,
  leaves: Record<string, Tensor>,
  body: () => Tensor,
  tolerance = 1e-6,
): Promise<void> {
  const loss = (): Tensor => ops.sum(ops.square(body()))
  for (const leaf of Object.values(leaves)) leaf.zeroGrad()
  scope(() => loss().backward())
  for (const [name, leaf] of Object.entries(leaves)) {
    const { grad } = leaf
    if (grad === null) {
      t.fail(`${name} has no gradient`)
      continue
    }
    const worst = await difference(leaf, (await grad.data()) as Float64Array, loss)
    t.true(worst <= tolerance, `${name}: finite differences differ by ${worst}`)
  }
}
