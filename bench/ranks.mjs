/**
 * Training by two ranks of one thread beside one process of two threads, the same batches in all; beside two processes of one
 * thread with half of the rows each that never meet, which is the most that two ranks could do; and beside PyTorch's DDP
 * (gloo) by two processes of one thread where a Python with it is given. Of ranks it tells how long the sums of a step take
 * one after the other, and which share of that is hidden: nobody computes and all wait in the rest.
 *
 *   node bench/ranks.mjs [--rows char,ptb,seq2seq] [--rounds 3] [--steps 30] [--python PATH] [--json FILE] [--trace PATH]
 *
 * `--trace` writes PATH.<row>.<rank>.json for Perfetto: backward, each bucket's sum, and how long they are waited for.
 * Needs mpirun and `npx rnnative build mpi`. Rounds of all contestants alternate; the best of each counts. On a machine of
 * more processors than two, bind all of it: taskset -c 0,1 node bench/ranks.mjs
 */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'char,ptb,seq2seq' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '30' },
    python: { type: 'string', default: '/work/venv/bin/python' },
    json: { type: 'string' },
    trace: { type: 'string' },
    part: { type: 'string', default: '1' },
    precision: { type: 'string', default: 'f32' },
    worker: { type: 'string' },
    threads: { type: 'string' },
    ranks: { type: 'string' },
  },
})

/** Steps that are not counted. */
const WARM = 5

const words = (count, length, seed) => {
  let state = seed
  return Int32Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return (state >> 8) % count
  })
}

/** Of each batch a process has one of so many parts. */
const PART = Number(values.part)

/** Begins a fit of so many steps. */
const ROWS = {
  async char(api, fit) {
    return language(api, { vocabulary: 87, hidden: 128, batch: 50 / PART, steps: 50 }, fit)
  },
  async ptb(api, fit) {
    return language(api, { vocabulary: 10_000, hidden: 650, batch: 20 / PART, steps: 35 }, fit)
  },
  async seq2seq(api, fit) {
    const letters = 'abcdefghijklmnopqrstuvwxyz'
    const ids = words(26, 400_000, 3)
    const pairs = Array.from({ length: 8000 }, (_, i) => {
      const text = Array.from({ length: 10 + (i % 20) }, (_, t) => letters[ids[i * 40 + t]]).join(
        '',
      )
      return [text, text.split('').reverse().join('')]
    })
    const tokenizer = api.Tokenizer.characters(letters)
    const model = new api.Seq2Seq({
      ...{ source: tokenizer, target: tokenizer, cell: 'gru', hidden: 320, embedding: 256 },
      ...{ encoder: { bidirectional: true }, attention: 'additive', seed: 1 },
    })
    return { model, run: model.fit(pairs, { batchTokens: 2048 / PART, ...fit }) }
  },
}

function language(api, { vocabulary, hidden, batch, steps }, fit) {
  const names = Array.from({ length: vocabulary }, (_, i) => `w${i}`)
  const tokenizer = api.Tokenizer.spaces([names.join(' ')])
  const model = new api.LanguageModel({ tokenizer, layers: 2, hidden, seed: 1 })
  const tokens = words(vocabulary, batch * steps * 60 + 1, 1)
  const optimizer = api.optim.sgd({ lr: 0.1 })
  return { model, run: model.fit(tokens, { batch, steps, optimizer, ...fit }) }
}

/** Writes what this process came to: items a second; and of ranks milliseconds of a step's sums, and of waiting for them. */
async function work(name) {
  const api = await import('rnnative')
  api.setThreads(Number(values.threads))
  const maxSteps = WARM + Number(values.steps)
  const parallel = values.ranks !== '1'
  const reduce = parallel && { parallel, reducePrecision: values.precision }
  const { model, run } = await ROWS[name](api, { maxSteps, ...reduce })
  let began = null
  let rate = 0
  const rows = await api.profile(async () => {
    for await (const { step, seconds, items } of run)
      if (step === WARM) began = { seconds, items }
      else if (step === maxSteps) rate = (items - began.items) / (seconds - began.seconds)
  })
  const [sums, waiting] = ['group_sum', 'group_wait'].map((wanted) => {
    return (rows.find(({ op }) => op === wanted)?.milliseconds ?? 0) / maxSteps
  })
  if (await first(api)) process.stdout.write(`${JSON.stringify({ rate, sums, waiting })}\n`)
  await model.dispose()
}

const first = async (api) => ((await api.openGroup())?.rank ?? 0) === 0

const env = {
  ...process.env,
  ...{ OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
  ...{ OMPI_MCA_hwloc_base_binding_policy: 'none', OMPI_MCA_rmaps_base_oversubscribe: '1' },
}

function measure(command, args, more = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...env, ...more } })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    child.on('close', (status) => {
      if (status !== 0) return reject(new Error(`${command} ${args.join(' ')}: ${stderr}`))
      const told = JSON.parse(stdout.trim().split('\n').at(-1))
      resolve(typeof told === 'number' ? { rate: told } : told)
    })
  })
}

const own = (name, ranks, threads, more = []) => [
  ...['bench/ranks.mjs', '--worker', name, '--steps', values.steps],
  ...['--ranks', String(ranks), '--threads', String(threads), ...more],
]

function contestants(name) {
  const trace = values.trace ? { RNNATIVE_MPI_TRACE: `${values.trace}.${name}` } : {}
  const ranks = (...more) =>
    measure('mpirun', ['-np', '2', process.execPath, ...own(name, 2, 1, more)], trace)
  const half = () => measure(process.execPath, own(name, 1, 1, ['--part', '2']))
  const all = {
    'one process, two threads': () => measure(process.execPath, own(name, 1, 2)),
    'two ranks, a thread each': () => ranks(),
    'the same, sums of bf16': () => ranks('--precision', 'bf16'),
    'two processes that never meet': async () => {
      const halves = await Promise.all([half(), half()])
      return { rate: halves[0].rate + halves[1].rate }
    },
  }
  const { python, steps } = values
  const script = 'bench/contestants/torch/torch_ddp.py'
  if (name !== 'seq2seq' && existsSync(python))
    all[DDP] = () => measure(python, [script, name, steps])
  return all
}

const DDP = 'PyTorch DDP, two processes'
const hidden = ({ sums, waiting }) => Math.max(0, 1 - waiting / sums)

if (values.worker) await work(values.worker)
else {
  const table = {}
  for (const name of values.rows.split(',')) {
    const all = contestants(name)
    const best = {}
    for (let round = 0; round < Number(values.rounds); ++round)
      for (const [who, run] of Object.entries(all)) {
        const made = await run()
        if (made.rate > (best[who]?.rate ?? 0)) best[who] = made
      }
    const [alone, ranks, , apart] = Object.values(best)
    table[name] = Object.fromEntries(Object.entries(best).map(([who, { rate }]) => [who, rate]))
    Object.assign(table[name], {
      'of one process': ranks.rate / alone.rate,
      'of two that never meet': ranks.rate / apart.rate,
      'sums of a step, ms': ranks.sums,
      'hidden of that': hidden(ranks),
    })
    if (best[DDP]) table[name]['of PyTorch'] = ranks.rate / best[DDP].rate
    console.log(name, table[name])
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(table, null, 2)}\n`)
}
