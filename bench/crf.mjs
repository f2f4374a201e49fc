// ops.crf, forward and all gradients, beside the same in PyTorch:
//
//   node bench/crf.mjs [--threads 1,2] [--rounds 7] [--python PATH] [--out FILE]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const SIZES = [
  { batch: 32, steps: 30, tags: 9 },
  { batch: 64, steps: 100, tags: 37 },
]

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})

const house = new House(setUpPython(options.python))
const rows = []
try {
  for (const threads of options.threads.split(',').map(Number))
    for (const sizes of SIZES) {
      const id = `crf/B${sizes.batch} T${sizes.steps} K${sizes.tags}/${threads}`
      const theirs = (how) => ({
        ...{ name: how, contestant: 'torch' },
        task: { kind: 'crf', how, ...sizes },
      })
      const entrants = [
        { name: 'ours', contestant: 'ours', task: { kind: 'crf', ...sizes } },
        theirs('logsumexp'),
        theirs('matmul'),
      ]
      const row = { section: 'crf', id, threads, entrants }
      const how = { rounds: Number(options.rounds), secondsPerRow: 60 }
      const measured = await measureRow(row, house, how)
      rows.push(measured)
      console.log(formatRow(measured))
    }
  const result = { ...circumstances(), versions: house.versions, rows }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
}
