// Recurrent stacks through the same code as `rnnative bench rnn`: in training, every run has new
// weights to pack, zeroes the gradients and computes dx.
import { enqueueRun, makeStack, recurrentFlops } from '#dist/cli/bench.js'
import { randn, synchronize } from '#dist/index.js'
import { timed } from './serve.mjs'

export async function prepareLayers({ mode, steps, batch, bidirectional = false, ...sizes }) {
  const { input, hidden, lengths = null } = sizes
  const train = mode === 'train'
  const stack = makeStack({ ...sizes, bidirectional, device: 'cpu' })
  stack.train(train)
  const x = randn([steps, batch, input], { seed: 2, requiresGrad: train })
  const dy = train ? randn([steps, batch, hidden * stack.directions], { seed: 3 }) : null
  await synchronize()
  return {
    runs: timed(() => {
      enqueueRun(stack, x, dy, lengths)
      return synchronize()
    }),
    dispose: () => [stack, x, dy].forEach((owned) => owned?.dispose()),
  }
}

/** Of a row whose stack has one direction. */
export const countFlops = ({ mode, steps, batch, ...stack }) =>
  recurrentFlops({ ...stack, directions: 1 }, steps, batch, mode === 'train')
