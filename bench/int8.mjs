// Recurrent layers in int8 beside our f32 and bf16, PyTorch's dynamic quantisation and onnxruntime's (which has it of LSTMs alone):
// one stream and 20, 512 and 1500 units, inference.
//
//   node bench/int8.mjs [--threads 1,2] [--cells lstm,gru] [--hidden 512,1500] [--batch 1,20] [--steps 50] [--rounds 7]
//     [--python PATH|none] [--out FILE]
//
// Prints, a row each: medians, and how many times as long each of the others takes as int8.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1,2' },
    cells: { type: 'string', default: 'lstm,gru' },
    hidden: { type: 'string', default: '512,1500' },
    batch: { type: 'string', default: '1,20' },
    steps: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})
const list = (text) => text.split(',').map(Number)

const python = setUpPython(options.python)
const house = new House(python)

function entrantsOf(task) {
  const entrants = ['int8', 'f32', 'bf16'].map((precision) => ({
    ...{ name: `ours-${precision}`, contestant: 'ours', task: { ...task, precision } },
  }))
  if (python === undefined) return entrants
  const quantised = { ...task, precision: 'int8' }
  entrants.push({ name: 'torch', contestant: 'torch', task: quantised })
  if (task.cell === 'lstm') entrants.push({ name: 'ort', contestant: 'ort', task: quantised })
  return entrants
}

const rows = []
try {
  for (const threads of list(options.threads))
    for (const cell of options.cells.split(','))
      for (const hidden of list(options.hidden))
        for (const batch of list(options.batch)) {
          const sizes = { steps: Number(options.steps), batch, input: hidden, hidden }
          const task = { kind: 'layers', cell, mode: 'infer', layers: 1, ...sizes }
          const id = `int8/${cell}/${hidden}/${batch}/${threads}`
          const row = { section: 'int8', id, threads, entrants: entrantsOf(task) }
          const measured = await measureRow(row, house, {
            ...{ rounds: Number(options.rounds), secondsPerRow: 90 },
          })
          const { 'ours-int8': own, ...others } = measured.results
          measured.ratios = Object.fromEntries(
            Object.entries(others)
              .filter(([, { milliseconds }]) => milliseconds > 0)
              .map(([name, { milliseconds }]) => [name, milliseconds / own.milliseconds]),
          )
          rows.push(measured)
          console.log(formatRow(measured))
          console.log(
            Object.entries(measured.ratios)
              .map(([name, ratio]) => `  ${name} / ours-int8: ${ratio.toFixed(2)}`)
              .join('\n'),
          )
        }
  const result = { ...circumstances(), versions: house.versions, rows }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
}
