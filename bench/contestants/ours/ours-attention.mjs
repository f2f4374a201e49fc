// Attention over projected queries and keys, forward and backward from a given gradient of the context.
import { ops, randn, synchronize } from '#dist/index.js'
import { timedOn } from '../../measure/serve.mjs'

export async function prepareAttention({ score, batch, queries, keys, ...more }) {
  const { features, width, device = 'cpu' } = more
  const leaf = (shape, seed) => randn(shape, { seed, device, requiresGrad: true })
  const q = leaf([queries, batch, features], 1)
  const k = leaf([keys, batch, features], 2)
  const values = leaf([keys, batch, width], 3)
  const v = score === 'additive' ? leaf([features], 4) : null
  const gradient = randn([queries, batch, width], { seed: 5, device })
  const leaves = [q, k, values, v].filter(Boolean)
  const run = () => {
    for (const x of leaves) x.zeroGrad()
    const { context, weights } = ops.attention(q, k, values, { score, v })
    context.backward(gradient)
    context.dispose()
    weights.dispose()
  }
  await synchronize()
  return {
    runs: timedOn(device, run, synchronize),
    dispose: () => [...leaves, gradient].forEach((x) => x.dispose()),
  }
}
