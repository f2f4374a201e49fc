// Recurrent stacks through the same code as `rnnative bench rnn`: in training, every run has new
// weights to pack, zeroes the gradients and computes dx.
import { enqueueRun, makeStack, recurrentFlops } from '#dist/cli/bench.js'
import { randn, synchronize } from '#dist/index.js'
import { timedOn } from '../../measure/serve.mjs'

export async function prepareLayers({ mode, steps, batch, bidirectional = false, ...sizes }) {
  const { input, hidden, lengths = null, device = 'cpu' } = sizes
  const train = mode === 'train'
  const stack = makeStack({ ...sizes, bidirectional, device })
  stack.train(train)
  const x = randn([steps, batch, input], { seed: 2, device, requiresGrad: train })
  const dy = train ? randn([steps, batch, hidden * stack.directions], { seed: 3, device }) : null
  await synchronize()
  return {
    runs: timedOn(device, () => enqueueRun(stack, x, dy, lengths), synchronize),
    dispose: () => [stack, x, dy].forEach((owned) => owned?.dispose()),
  }
}

/** As if all sequences had all steps. */
export const countFlops = ({ mode, steps, batch, bidirectional, ...stack }) =>
  recurrentFlops(
    { ...stack, directions: bidirectional ? 2 : 1 },
    ...[steps, batch, mode === 'train'],
  )
