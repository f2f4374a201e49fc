// Microseconds that a step of one layer takes on the GPU, as the difference of a long and a short sequence: what is paid
// once (launches, the load of R, the clearing of the exchange) falls out. A line of JSON a case, as it comes.
//
//   [RNNATIVE_CUDA_RECURRENCE=grid] node bench/gpu/steps.mjs [--smoke]
import { prepareLayers } from '../contestants/ours/ours-layers.mjs'
import { median } from '../measure/measure.mjs'

const smoke = process.argv.includes('--smoke')
const [SHORT, LONG] = smoke ? [2, 4] : [64, 1024]
const ROUNDS = smoke ? 1 : 7
const RUNS = smoke ? 1 : 3

const CASES = [
  { cell: 'lstm', batch: 16, hidden: 768 },
  { cell: 'gru', batch: 32, hidden: 512, bidirectional: true },
  { cell: 'lstm', batch: 64, hidden: 1024 },
]

async function time(task, steps) {
  const { runs, dispose } = await prepareLayers({ ...task, steps })
  await runs(RUNS)
  const rounds = []
  for (let round = 0; round < ROUNDS; ++round) rounds.push(...(await runs(RUNS)))
  dispose()
  return median(rounds)
}

const tier = process.env.RNNATIVE_CUDA_RECURRENCE || 'chosen'
for (const given of CASES) {
  const sizes = smoke ? { ...given, batch: 2, hidden: 16 } : given
  for (const mode of ['infer', 'train']) {
    const task = {
      layers: 1,
      precision: 'bf16',
      input: sizes.hidden,
      ...sizes,
      mode,
      device: 'cuda',
    }
    const [short, long] = [await time(task, SHORT), await time(task, LONG)]
    const microseconds = ((long - short) / (LONG - SHORT)) * 1e3
    const row = { tier, ...given, mode, microseconds, short, long }
    console.log(
      JSON.stringify(row, (_, value) =>
        typeof value === 'number' ? Number(value.toPrecision(4)) : value,
      ),
    )
  }
}
