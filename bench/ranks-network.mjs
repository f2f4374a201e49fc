/**
 * Two ranks on two hosts with a link of 1 ms and 1 Gbit/s between them, beside what a model of the sums predicts for it, and
 * what that predicts for more hosts and faster networks.
 *
 *   node bench/ranks-network.mjs [--rows char,ptb,seq2seq] [--delay 1000] [--speed 1000] [--steps 20] [--json FILE]
 *
 * Needs root and Open MPI (bench/measure/two-hosts.mjs). The model is given when each bucket's gradients were final and when
 * backward ended, by two ranks of this machine without the link, and computes the rest. A piece of n bytes, of p ranks, is
 * summed in two steps (native/comm/mpi_sum.h), each of which takes
 *
 *   latency + (p - 1) · message + (p - 1) / p · n / bandwidth
 *
 * where a message above 64 KB is announced and asked for before it is sent, and so takes the latency thrice. Sums follow
 * one another; a step is longer by what is left of them when backward has ended.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { twoHosts } from './measure/two-hosts.mjs'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'char,ptb,seq2seq' },
    delay: { type: 'string', default: '1000' },
    speed: { type: 'string', default: '1000' },
    steps: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
})

const folder = mkdtempSync(path.join(tmpdir(), 'rnnative-network-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const env = {
  ...process.env,
  ...{ OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
  ...{ OMPI_MCA_hwloc_base_binding_policy: 'none', OMPI_MCA_rmaps_base_oversubscribe: '1' },
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]

/** As in native/comm/mpi_sum.h. */
const PIECE = 2 ** 21
const FEW = 2 ** 12
/** Messages above it are announced, by Open MPI over TCP. */
const EAGER = 2 ** 16

/** Milliseconds that the sum of so many f32 takes. `latency`, `message`: microseconds; `speed`: megabits a second. */
function sumOf(elements, { ranks, latency, message, speed }) {
  const step = (bytesOfEach, total) =>
    ((bytesOfEach > EAGER ? 3 : 1) * latency + (ranks - 1) * message + (total * 8) / speed) / 1000
  let time = 0
  for (let left = elements; left > 0; left -= PIECE) {
    const count = Math.min(left, PIECE)
    if (count * ranks <= FEW) time += step(4 * count, 4 * count * (ranks - 1))
    else time += 2 * step((4 * count) / ranks, (4 * count * (ranks - 1)) / ranks)
  }
  return time
}

/** What a trace says of each step: its sums, when they could begin, and when they were waited for, in ms. */
function stepsOf(file) {
  const steps = []
  for (const { name, ts, dur, ph } of JSON.parse(`${readFileSync(file, 'utf8')}]`)) {
    if (ph !== 'X') continue
    const step = steps.at(-1)
    if (name === 'backward') steps.push({ begin: ts, end: ts + dur, sums: [] })
    else if (name === 'wait for sums') Object.assign(step, { waited: dur / 1000 })
    else step.sums.push({ elements: Number(/\d+/.exec(name)[0]), at: ts / 1000, took: dur / 1000 })
  }
  return steps.slice(5, -1).map((step, i, all) => ({
    sums: step.sums.map(({ elements, took, at }) => ({
      ...{ elements, took },
      before: step.end / 1000 - at, // backward's end
    })),
    waited: step.waited,
    whole: i + 1 < all.length ? (all[i + 1].end - step.end) / 1000 : null,
  }))
}

/** What steps come to where a sum takes what the model says, of what they do where it takes next to nothing. */
function predict(steps, network) {
  const made = steps.map(({ sums, waited, whole }) => {
    let end = -Infinity
    let all = 0
    for (const { elements, before } of sums) {
      const took = sumOf(elements, network)
      all += took
      end = Math.max(end, -before) + took
    }
    return { sums: all, waits: Math.max(0, end), whole: whole && whole - waited + Math.max(0, end) }
  })
  const whole = made.flatMap(({ whole }) => whole ?? [])
  const [sums, waits] = ['sums', 'waits'].map((name) => median(made.map((one) => one[name])))
  return { step: median(whole), sums, hidden: Math.max(0, 1 - waits / sums) }
}

function measured(steps) {
  const sums = median(steps.map(({ sums }) => sums.reduce((all, { took }) => all + took, 0)))
  const waits = median(steps.map(({ waited }) => waited))
  const step = median(steps.flatMap(({ whole }) => whole ?? []))
  return { step, sums, hidden: Math.max(0, 1 - waits / sums) }
}

function run(name, [command, args], what) {
  const trace = path.join(folder, `${name}.${what}`)
  const { status, stderr } = spawnSync(command, args, {
    env: { ...env, RNNATIVE_MPI_TRACE: trace },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stepsOf(`${trace}.0.json`)
}

const NETWORKS = {
  'two hosts, as shaped here': {
    ranks: 2,
    latency: Number(values.delay),
    message: 5,
    speed: Number(values.speed),
  },
  '64 hosts, 10 Gbit/s': { ranks: 64, latency: 25, message: 5, speed: 10_000 },
  '64 hosts, 100 Gbit/s': { ranks: 64, latency: 10, message: 2, speed: 100_000 },
}

const hosts = await twoHosts({ delay: Number(values.delay), speed: Number(values.speed) })
const table = {}
try {
  for (const name of values.rows.split(',')) {
    const worker = [
      ...[process.execPath, 'bench/ranks.mjs', '--worker', name, '--steps', values.steps],
      ...['--ranks', '2', '--threads', '1'],
    ]
    const near = run(name, ['mpirun', ['-np', '2', ...worker]], 'near')
    const far = run(name, hosts.command(worker), 'far')
    const rows = { 'one host, measured': measured(near), 'two hosts, measured': measured(far) }
    const alone = rows['one host, measured'].step - median(near.map(({ waited }) => waited))
    for (const [network, of] of Object.entries(NETWORKS)) rows[network] = predict(near, of)
    for (const row of Object.values(rows)) row.efficiency = alone / row.step
    table[name] = rows
    console.log(name)
    console.table(rows)
  }
} finally {
  hosts.close()
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(table, null, 2)}\n`)
