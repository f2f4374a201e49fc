// The log-likelihoods of a batch's tags in a conditional random field, and all gradients of their sum.
import { ops, randn, synchronize, tensor } from '#dist/index.js'
import { timedOn } from '../../measure/serve.mjs'

export async function prepareCrf({ steps, batch, tags, device = 'cpu' }) {
  const leaf = (shape, seed) => randn(shape, { seed, device, requiresGrad: true })
  const emissions = leaf([steps, batch, tags], 1)
  const options = {
    transitions: leaf([tags, tags], 2),
    start: leaf([tags], 3),
    end: leaf([tags], 4),
  }
  const wanted = Int32Array.from({ length: steps * batch }, (_, i) => (i * 7) % tags)
  const lengths = tensor(
    Int32Array.from({ length: batch }, (_, b) => steps - (b % 4)),
    [batch],
    { device },
  )
  const ids = tensor(wanted, [steps, batch], { device })
  const leaves = [emissions, ...Object.values(options)]
  const run = () => {
    for (const x of leaves) x.zeroGrad()
    const likelihoods = ops.crf(emissions, ids, { ...options, lengths })
    const sum = ops.sum(likelihoods)
    sum.backward()
    sum.dispose()
    likelihoods.dispose()
  }
  await synchronize()
  return {
    runs: timedOn(device, run, synchronize),
    dispose: () => [...leaves, ids, lengths].forEach((x) => x.dispose()),
  }
}
