// One way of running recurrences on a GPU, the one that RNNATIVE_CUDA_RECURRENCE names, at a size it is for: every cell
// and precision against the CPU, forward and backward, dense and ragged, the same bits at every run. A line a case, as it
// comes. It takes seconds, so that a way that hangs or is wrong is known before anything else runs.
//
//   RNNATIVE_CUDA_RECURRENCE=grid node bench/gpu/smoke.mjs [--tiny]     --tiny: for an emulation or a sanitizer
import { makeStack } from '#dist/cli/bench.js'
import { randn, scope, synchronize } from '#dist/index.js'

const tier = process.env.RNNATIVE_CUDA_RECURRENCE || 'any'
const tiny = process.argv.includes('--tiny')
/** Enough steps for the grid's ring of 16 versions to be used twice. */
const STEPS = tiny ? 19 : 40
const BATCH = 10
const INPUT = 32
const HIDDEN = { block: 40, cluster: 256, grid: 768, steps: 200 }[tier] ?? 512
const hidden = tiny ? Math.min(HIDDEN, 60) : HIDDEN
/** Of max|a-b| / max|b|: operands that lie close to the middle between two bf16 are rounded either way. */
const TOLERANCE = { f32: 1e-4, bf16: 2 ** -6 }
const RAGGED = Array.from({ length: BATCH }, (_, i) => Math.round((STEPS * (BATCH - i)) / BATCH))

async function run(task, lengths, device) {
  const stack = makeStack({ ...task, layers: 1, input: INPUT, hidden, bidirectional: true, device })
  const draw = (shape, seed, requiresGrad = false) => randn(shape, { seed, device, requiresGrad })
  const x = draw([STEPS, BATCH, INPUT], 2, true)
  const dy = draw([STEPS, BATCH, 2 * hidden], 3)
  await synchronize()
  const began = performance.now()
  const output = scope(() => {
    const { output } = stack.forward(x, { lengths })
    output.backward(dy)
    return output
  })
  await synchronize()
  const milliseconds = performance.now() - began
  const tensors = { y: output, dx: x.grad }
  for (const [name, parameter] of stack.namedParameters()) tensors[`d${name}`] = parameter.grad
  const values = {}
  for (const [name, tensor] of Object.entries(tensors)) values[name] = await tensor.data()
  for (const owned of [stack, x, dy, output]) owned.dispose()
  return { milliseconds, values }
}

function distance(a, b) {
  let worst = 0
  let scale = 0
  for (let i = 0; i < b.length; ++i) {
    scale = Math.max(scale, Math.abs(b[i]))
    const d = Math.abs(a[i] - b[i])
    if (!(d <= worst)) worst = d // NaN stays
  }
  return worst / (scale || 1)
}
const same = (a, b) => a.every((value, i) => Object.is(value, b[i]))

let wrong = 0
for (const cell of ['lstm', 'gru'])
  for (const precision of ['bf16', 'f32'])
    for (const lengths of [null, RAGGED]) {
      const task = { cell, precision }
      const expected = await run(task, lengths, 'cpu')
      const first = await run(task, lengths, 'cuda')
      const again = await run(task, lengths, 'cuda')
      const names = Object.keys(expected.values)
      const errors = names.map((name) => [
        name,
        distance(first.values[name], expected.values[name]),
      ])
      const bad = errors.filter(([, error]) => !(error <= TOLERANCE[precision]))
      const moved = names.filter((name) => !same(first.values[name], again.values[name]))
      const worst = Math.max(...errors.map(([, error]) => error))
      const verdict = [
        ...(bad.length > 0 ? [`WRONG in ${bad.map(([name]) => name).join(' ')}`] : []),
        ...(moved.length > 0 ? [`OTHER BITS at a second run in ${moved.join(' ')}`] : []),
      ]
      wrong += verdict.length
      const how = `${cell} ${precision} ${lengths ? 'ragged' : 'dense'} ${STEPS}x${BATCH}x${hidden}`
      const time = `${again.milliseconds.toFixed(1)} ms`
      console.log(
        `${tier}: ${how}: off by ${worst.toExponential(1)}, ${time} ${verdict.join(', ')}`.trim(),
      )
    }
console.log(wrong === 0 ? `${tier}: all right` : `${tier}: ${wrong} WRONG`)
process.exitCode = wrong === 0 ? 0 : 1
