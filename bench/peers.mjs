// rnnative beside its rivals, row by row: docs/benchmarks.md tells what is measured and how.
//
//   npm run bench:peers -- [--rows REGEXP] [--threads 1,2] [--cells lstm,gru] [--modes infer,train]
//     [--precision f32,bf16] [--rivals torch,ort,ort-node,tfjs] [--rounds 7] [--runs N]
//     [--seconds-per-row 40] [--python PATH] [--base DIR] [--json] [--out FILE]
//   --base: another checkout of this project, built, which takes its turns as the contestant `base`
//   node bench/peers.mjs --list [...]            the ids of the rows, for --rows
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { House, RIVALS } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { selectRows } from './measure/rows.mjs'
import { setUpNode, setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    cells: { type: 'string', default: 'lstm,gru' },
    modes: { type: 'string', default: 'infer,train' },
    precision: { type: 'string', default: 'f32,bf16' },
    rivals: { type: 'string', default: RIVALS.join() },
    rounds: { type: 'string', default: '7' },
    runs: { type: 'string' },
    'seconds-per-row': { type: 'string', default: '40' },
    python: { type: 'string' },
    base: { type: 'string' },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})

const split = (text) => text.split(',').filter(Boolean)
const rivals = split(options.rivals)

function chooseRows() {
  const rows = selectRows({
    pattern: options.rows && new RegExp(options.rows),
    threads: split(options.threads).map(Number),
    cells: split(options.cells),
    modes: split(options.modes),
    precisions: split(options.precision),
  })
  return rows.map((row) => ({
    ...row,
    entrants: row.entrants.flatMap((entrant) => {
      const { name, contestant } = entrant
      if (contestant !== 'ours') return rivals.includes(contestant) ? [entrant] : []
      const before = { ...entrant, name: name.replace('ours', 'base'), contestant: 'base' }
      return options.base === undefined ? [entrant] : [entrant, before]
    }),
  }))
}

/** Asks nothing of the environments that no row needs. */
function setUp(rows) {
  const needed = new Set(
    rows.flatMap(({ entrants }) => entrants.map((entrant) => entrant.contestant)),
  )
  if (needed.has('ort-node') || needed.has('tfjs')) setUpNode()
  const pythonNeeded = ['torch', 'ort', 'ort-node'].some((name) => needed.has(name))
  return pythonNeeded ? setUpPython(options.python) : undefined
}

/** What the checkout `--base` runs as its own contestant, at whichever place it has it. */
function baseScript() {
  if (options.base === undefined) return undefined
  const places = ['bench/contestants/ours/ours.mjs', 'bench/peers/ours.mjs']
  const script = places.map((place) => path.resolve(options.base, place)).find(existsSync)
  if (script === undefined) throw new Error(`--base ${options.base}: no ${places.join(' or ')}`)
  return script
}

async function measureAll(rows) {
  const house = new House(setUp(rows), { base: baseScript() })
  const report = {
    ...circumstances(),
    options,
    versions: house.versions,
    idle: {},
    rows: [],
  }
  try {
    for (const row of rows) {
      const result = await measureRow(row, house, {
        rounds: Number(options.rounds),
        runs: options.runs && Number(options.runs),
        secondsPerRow: Number(options['seconds-per-row']),
      })
      report.rows.push(result)
      report.idle = house.idleUse()
      if (!options.json) console.log(formatRow(result))
      // After every row, so that a run that is cut short is not lost.
      if (options.out) writeFileSync(options.out, JSON.stringify(report, null, 1) + '\n')
    }
  } finally {
    await house.close()
  }
  return report
}

if (options.list) {
  for (const { id, entrants } of chooseRows())
    console.log(id.padEnd(48), entrants.map(({ name }) => name).join(' '))
} else {
  const report = await measureAll(chooseRows())
  if (options.json) console.log(JSON.stringify(report, null, 1))
  const busy = Object.entries(report.idle).filter(([, part]) => part > 0.02)
  for (const [label, part] of busy)
    console.error(`${label} used ${(100 * part).toFixed(1)}% of a core while others were measured`)
}
