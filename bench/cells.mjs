// Variants of cells beside the plain ones of theirs and beside the same in PyTorch, which is written as a loop over steps there:
//
//   node bench/cells.mjs [--threads 1,2] [--modes train,infer] [--rounds 7] [--variants peephole,coupled,...]
//     [--python PATH] [--rivals torch] [--out FILE]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const SIZES = { steps: 50, batch: 64, input: 512, hidden: 512 }
/** By name: the cell, what is asked of a layer of ours, and whether PyTorch's side knows it. */
const VARIANTS = {
  peephole: { cell: 'lstm', variant: { peephole: true }, torch: true },
  coupled: { cell: 'lstm', variant: { coupled: true }, torch: true },
  activations: {
    ...{ cell: 'lstm', torch: true },
    variant: { activations: { gate: 'hard_sigmoid', candidate: 'relu' } },
  },
  clipped: { cell: 'lstm', variant: { gateClip: 5, cellClip: 5 } },
  'recurrent dropout': { cell: 'lstm', variant: { recurrentDropout: 0.3 } },
  'weight drop': { cell: 'lstm', variant: { weightDrop: 0.3 } },
  'gru activations': {
    ...{ cell: 'gru', variant: { activations: { gate: 'hard_sigmoid', candidate: 'relu' } } },
  },
}

const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '1,2' },
    modes: { type: 'string', default: 'train' },
    rounds: { type: 'string', default: '7' },
    variants: { type: 'string', default: Object.keys(VARIANTS).join() },
    rivals: { type: 'string', default: 'torch' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})

const rivals = options.rivals === 'torch'
const house = new House(rivals ? setUpPython(options.python) : undefined)
const rows = []
try {
  for (const mode of options.modes.split(','))
    for (const threads of options.threads.split(',').map(Number))
      for (const name of options.variants.split(',')) {
        const { cell, variant, torch } = VARIANTS[name]
        const task = { kind: 'layers', cell, mode, precision: 'f32', layers: 1, ...SIZES }
        const entrants = [
          { name: 'ours', contestant: 'ours', task: { ...task, variant } },
          { name: 'plain', contestant: 'ours', task },
        ]
        if (torch && rivals)
          entrants.push({
            ...{ name: 'torch', contestant: 'torch' },
            task: { kind: 'cells', variant: name, mode, ...SIZES },
          })
        const row = { section: 'cells', id: `cells/${name}/${mode}/${threads}`, threads, entrants }
        const measured = await measureRow(row, house, {
          ...{ rounds: Number(options.rounds), secondsPerRow: 90 },
        })
        rows.push(measured)
        console.log(formatRow(measured))
      }
  const result = { ...circumstances(), versions: house.versions, ...SIZES, rows }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
}
