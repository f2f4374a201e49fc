// Attention over projected queries and keys, forward and backward, ours and PyTorch's in turn:
//
//   node bench/attention.mjs [--score additive|dot|scaled_dot] [--batch 64] [--queries 30] [--keys 30]
//     [--features 512] [--width 1024] [--threads 2] [--rounds 7] [--compiled] [--python PATH] [--out FILE]
//
// PyTorch takes the fastest of several expressions (contestants/torch/torch_attention.py), torch.compile among them
// with --compiled. Prints medians, their ratio, and how far each process's peak of resident memory rises.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    score: { type: 'string', default: 'additive' },
    batch: { type: 'string', default: '64' },
    queries: { type: 'string', default: '30' },
    keys: { type: 'string', default: '30' },
    features: { type: 'string', default: '512' },
    width: { type: 'string', default: '1024' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
    compiled: { type: 'boolean', default: false },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})

const sizes = Object.fromEntries(
  ['batch', 'queries', 'keys', 'features', 'width'].map((name) => [name, Number(options[name])]),
)
const task = { kind: 'attention', score: options.score, ...sizes }
const threads = Number(options.threads)
const entrants = (torch) => [
  { name: 'ours', contestant: 'ours', task },
  { name: 'torch', contestant: 'torch', task: { ...task, ...torch } },
]
/** The expression as one would write it. */
const plain = { name: 'torch plain', contestant: 'torch', task: { ...task, cold: true } }

const house = new House(setUpPython(options.python))
try {
  const time = await measureRow(
    {
      section: 'attention',
      threads,
      entrants: [...entrants({ compiled: options.compiled }), plain],
    },
    house,
    { rounds: Number(options.rounds), secondsPerRow: 120 },
  )
  const memory = await measureRow(
    { section: 'memory', threads, entrants: entrants({ cold: true }) },
    house,
    {},
  )
  const result = {
    ...circumstances(),
    versions: house.versions,
    ...task,
    threads,
    time: time.results,
    memory: memory.results,
  }
  console.log(JSON.stringify(result, null, 2))
  for (const { results } of [time, memory])
    console.log(formatRow({ id: `attention/${options.score}`, results }))
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 2) + '\n')
} finally {
  await house.close()
}
