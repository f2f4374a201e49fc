/**
 * Training by two ranks of one thread beside one process of two threads, the same batches in all, and PyTorch's DDP (gloo)
 * by two processes of one thread where a Python with it is given.
 *
 *   node bench/ranks.mjs [--rows char,ptb,seq2seq] [--rounds 3] [--steps 30] [--python PATH] [--json FILE]
 *
 * Needs mpirun and `npx rnnative build mpi`. Rounds of all contestants alternate; the best of each counts. On a machine of
 * more processors than two, bind all of it: taskset -c 0,1 node bench/ranks.mjs
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'char,ptb,seq2seq' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '30' },
    python: { type: 'string', default: '/work/venv/bin/python' },
    json: { type: 'string' },
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

/** Begins a fit of so many steps. */
const ROWS = {
  async char(api, fit) {
    return language(api, { vocabulary: 87, hidden: 128, batch: 50, steps: 50 }, fit)
  },
  async ptb(api, fit) {
    return language(api, { vocabulary: 10_000, hidden: 650, batch: 20, steps: 35 }, fit)
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
    return { model, run: model.fit(pairs, { batchTokens: 2048, ...fit }) }
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

async function work(name) {
  const api = await import('rnnative')
  api.setThreads(Number(values.threads))
  const maxSteps = WARM + Number(values.steps)
  const { model, run } = await ROWS[name](api, { maxSteps, parallel: values.ranks !== '1' })
  let began = null
  for await (const { step, seconds, items } of run)
    if (step === WARM) began = { seconds, items }
    else if (step === maxSteps && (await first(api)))
      process.stdout.write(`${(items - began.items) / (seconds - began.seconds)}\n`)
  await model.dispose()
}

const first = async (api) => ((await api.openGroup())?.rank ?? 0) === 0

const env = {
  ...process.env,
  ...{ OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
  ...{ OMPI_MCA_hwloc_base_binding_policy: 'none', OMPI_MCA_rmaps_base_oversubscribe: '1' },
}

function measure(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return Number(stdout.trim().split('\n').at(-1))
}

const own = (name, ranks, threads) => [
  ...['bench/ranks.mjs', '--worker', name, '--steps', values.steps],
  ...['--ranks', String(ranks), '--threads', String(threads)],
]

function contestants(name) {
  const all = {
    'one process, two threads': () => measure(process.execPath, own(name, 1, 2)),
    'two ranks, a thread each': () =>
      measure('mpirun', ['-np', '2', process.execPath, ...own(name, 2, 1)]),
  }
  const { python, steps } = values
  const script = 'bench/contestants/torch/torch_ddp.py'
  if (name !== 'seq2seq' && existsSync(python))
    all['PyTorch DDP, two processes'] = () => measure(python, [script, name, steps])
  return all
}

if (values.worker) await work(values.worker)
else {
  const table = {}
  for (const name of values.rows.split(',')) {
    const all = contestants(name)
    const best = {}
    for (let round = 0; round < Number(values.rounds); ++round)
      for (const [who, run] of Object.entries(all)) best[who] = Math.max(best[who] ?? 0, run())
    const [alone, ranks] = Object.values(best)
    table[name] = { ...best, 'of one process': ranks / alone }
    if (best['PyTorch DDP, two processes'])
      table[name]['of PyTorch'] = ranks / best['PyTorch DDP, two processes']
    console.log(name, table[name])
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(table, null, 2)}\n`)
}
