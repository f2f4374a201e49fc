// Every figure of README.md and docs/benchmarks.md by one command, one suite after the other (bench/suites.mjs):
//
//   npm run bench -- [--only layers,steps,...] [--quick] [--python PATH] [--node] [--word2vec PATH] [--fasttext PATH]
//     [--out DIR]
//   node bench/all.mjs --list
//
// Records go into DIR, bench/results if none is given; then the tables and bench/report.html are made anew from them. --quick
// looks whether all works: its records go into .cache/bench-quick unless --out says otherwise, and no table is written. Rivals are found or skipped by
// name: --python, a Python with torch, onnx and onnxruntime (default: .cache/peers-venv, else python3; none: without); --node,
// those of bench/contestants/node, which npm installs.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { RUN_OPTIONS, runSuites } from './measure/run-suites.mjs'
import { writeReport } from './report.mjs'
import { chooseSuites } from './suites.mjs'
import { writeTables } from './tables.mjs'

const { values: options } = parseArgs({
  options: {
    ...RUN_OPTIONS,
    out: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})
const RESULTS = path.resolve(import.meta.dirname, 'results')
const QUICK = path.resolve(import.meta.dirname, '../.cache/bench-quick')

const suites = chooseSuites(options.only)
if (options.list)
  for (const { name, script, args, rivals, minutes } of suites)
    console.log(
      `${name.padEnd(16)} about ${String(minutes).padStart(2)} minutes  ${[script, ...args].join(' ')}` +
        (rivals.length > 0 ? `  beside ${rivals.join(', ')}` : ''),
    )
else {
  const out = path.resolve(options.out ?? (options.quick ? QUICK : RESULTS))
  mkdirSync(out, { recursive: true })
  const trouble = await runSuites(suites, options, out)
  if (out === RESULTS) writeTables()
  await writeReport(out, out === RESULTS ? undefined : path.join(out, 'report.html'))
  for (const [name, why] of Object.entries(trouble)) console.log(`${name}: ${why}`)
  if (Object.values(trouble).some((why) => why.startsWith('failed'))) process.exitCode = 1
}
