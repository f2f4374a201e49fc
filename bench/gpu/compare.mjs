// rnnative beside PyTorch (cuDNN) on the same GPU, in turns, row by row.
//
//   node bench/gpu/compare.mjs [--rows REGEXP] [--rounds 7] [--seconds-per-row 10] [--python python3]
//     [--tiers grid,cluster,steps] [--out FILE] [--smoke]
//
// A turn is some 60 ms of runs, enqueued without waiting: PyTorch's are timed by CUDA events, ours from
// one synchronisation to the next. Figures are medians over the turns. The bound of a row is the least
// time that the device's matrix units (or, for additive attention, its tanh units) and its memory allow,
// both measured here. --tiers: layers run besides in each of these ways alone, as entrants of those names; a
// layer that does not fit one runs step by step. --smoke: tiny sizes and no PyTorch, on whatever device there is.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { circumstances } from '../circumstances.mjs'
import { House } from '../measure/contestants.mjs'
import { formatRatio, formatSize, formatSpeed, formatTime } from '../measure/format.mjs'
import { measureRow } from '../measure/measure.mjs'
import { boundOf, selectRows } from './rows.mjs'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    'seconds-per-row': { type: 'string', default: '10' },
    python: { type: 'string', default: 'python3' },
    tiers: { type: 'string', default: '' },
    out: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const { smoke } = options

/** More than a row can take, but for a kernel that does not end. */
const PATIENCE = 60_000

/** Ends whoever is at work after too long; the row goes on without it. */
async function guarded(house, work) {
  const stop = () => {
    for (const member of house.members.values()) if (member.waiting) member.child.kill('SIGKILL')
  }
  const timer = setTimeout(stop, PATIENCE)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
  }
}

async function describeMachine(house) {
  const torch = await house.get('torch', 'torch-gpu', 1)
  return house.turn(torch, () => torch.request('machine'))
}

function addBound(result, machine) {
  if (!machine || result.section === 'memory') return
  result.bound = boundOf(result.work, machine)
  for (const own of Object.values(result.results))
    if (own.milliseconds) own.percent = (100 * result.bound) / own.milliseconds
}

function format({ id, results }) {
  const cells = Object.entries(results).map(([name, result]) => {
    const { milliseconds, percent, tokensPerSecond, bytes, unavailable, variant } = result
    if (unavailable) return `${name} n/a (${unavailable})`
    const parts = [bytes === undefined ? formatTime(milliseconds) : formatSize(result)]
    if (tokensPerSecond) parts.push(`${formatSpeed(result)} tokens/s`)
    if (percent !== undefined) parts.push(`${percent.toFixed(0)}% of bound`)
    if (variant) parts.push(variant)
    return `${name} ${parts.join(', ')}`
  })
  return [id.padEnd(42), ...cells, formatRatio(results.ours?.ratio?.torch)].join(' | ')
}

const house = new House(options.python)
try {
  const machine = smoke ? undefined : await describeMachine(house)
  const report = { ...circumstances(), machine, options, versions: house.versions, rows: [] }
  if (machine)
    console.log(
      `${machine.device}, driver ${machine.driver}: ${machine.teraflops.toFixed(0)} TFLOP/s in bf16, ` +
        `${machine.gigabytesPerSecond.toFixed(0)} GB/s`,
    )
  const rows = selectRows({
    pattern: options.rows && new RegExp(options.rows),
    smoke,
    tiers: options.tiers.split(',').filter(Boolean),
    contestants: smoke ? ['ours'] : ['ours', 'torch'],
  })
  const limits = {
    rounds: Number(options.rounds),
    secondsPerRow: Number(options['seconds-per-row']),
  }
  for (const row of rows) {
    const result = await guarded(house, () => measureRow(row, house, limits))
    addBound(result, machine)
    report.rows.push(result)
    console.log(format(result))
    // After every row, so that a run that is cut short is not lost.
    if (options.out) writeFileSync(options.out, JSON.stringify(report, null, 1) + '\n')
  }
} finally {
  await house.close()
}
