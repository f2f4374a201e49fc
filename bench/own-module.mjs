// Training the classifier of examples/own-module.mjs, beside the same in PyTorch with packed sequences:
//
//   node bench/own-module.mjs [--data ../shared/data/classification/sst2/stsa.binary.train.gz] [--threads 1,2]
//     [--rounds 7] [--python PATH] [--out FILE]
//
// Both learn from the same batches of 32; a turn is a pass over 40 of them. Batches are of like lengths, as
// `data.batches` makes them, or as a shuffle leaves them, which is what packed sequences are for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readLines, Tokenizer } from '#dist/index.js'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const { values: options } = parseArgs({
  options: {
    data: {
      type: 'string',
      default: path.resolve(root, '../shared/data/classification/sst2/stsa.binary.train.gz'),
    },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})
const BATCH = 32
const BATCHES = 40
const SETTINGS = { embedding: 100, hidden: 128, dropout: 0.5, lr: 1e-3, clipNorm: 5 }

/** The same order each time, by a multiplicative congruential generator. */
function shuffled(examples) {
  let state = 1
  const keyed = examples.map((example) => ({
    example,
    key: (state = (state * 48271) % 2147483647),
  }))
  return keyed.sort((a, b) => a.key - b.key).map(({ example }) => example)
}
const ORDERS = {
  sorted: (examples) => examples.sort((a, b) => a.ids.length - b.ids.length),
  shuffled,
}

/** Every so many-th of the batches of the whole set, so that all lengths occur. */
async function makeBatches(order) {
  const lines = (await readLines(options.data)).filter(Boolean)
  const rows = lines.map((line) => /^([^\s:]+)\S* +(.*)$/.exec(line.toLowerCase()).slice(1))
  const tokenizer = Tokenizer.spaces(rows.map(([, text]) => text))
  const labels = [...new Set(rows.map(([label]) => label))].sort()
  const examples = ORDERS[order](
    rows.map(([label, text]) => ({
      ids: [...tokenizer.encode(text)],
      label: labels.indexOf(label),
    })),
  )
  const all = Math.floor(examples.length / BATCH)
  const batches = Array.from({ length: BATCHES }, (_, i) => {
    const from = Math.floor((i * all) / BATCHES) * BATCH
    const batch = examples.slice(from, from + BATCH)
    const steps = Math.max(...batch.map(({ ids }) => ids.length))
    return {
      ids: Array.from({ length: steps }, (_, t) => batch.map(({ ids }) => ids[t] ?? 0)),
      lengths: batch.map(({ ids }) => ids.length),
      labels: batch.map(({ label }) => label),
    }
  })
  return { vocabulary: tokenizer.size, classes: labels.length, batches }
}

const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const house = new House(setUpPython(options.python))
try {
  const rows = []
  for (const order of Object.keys(ORDERS)) {
    const data = path.join(scratch, `${order}.json`)
    const made = await makeBatches(order)
    writeFileSync(data, JSON.stringify(made))
    const tokens = made.batches.flatMap(({ lengths }) => lengths).reduce((sum, n) => sum + n, 0)
    const task = { kind: 'classifier', data, ...SETTINGS }
    const entrants = ['ours', 'torch'].map((name) => ({ name, contestant: name, task }))
    for (const threads of options.threads.split(',').map(Number)) {
      const id = `${path.basename(options.data, '.gz')}/${order}/${threads}`
      const row = { section: 'classifier', id, threads, tokens, entrants }
      const measured = await measureRow(row, house, {
        ...{ rounds: Number(options.rounds), secondsPerRow: 120 },
      })
      rows.push(measured)
      console.log(formatRow(measured))
    }
  }
  const result = { ...circumstances(), versions: house.versions, ...SETTINGS, batch: BATCH, rows }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
  rmSync(scratch, { recursive: true, force: true })
}
