// Training `Forecaster` with `model: 'segments'` on ETTh1 beside SegRNN in PyTorch: seven channels, 720 hours before 96, windows
// a second:
//
//   node bench/forecaster.mjs [--hidden 128,512] [--threads 1,2] [--rounds 7] [--python PATH] [--out FILE]
//
// The data: RNNATIVE_DATA, or ../shared/data.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { DATA } from './acceptance/seq2seq.mjs'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    hidden: { type: 'string', default: '128,512' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})
const SIZES = { context: 720, horizon: 96, segment: 48, dropout: 0.5 }
const TRAINING = { lr: 1e-3, batch: 64, steps: 10 }
const DATASET = { file: `${DATA}/timeseries/ETTh1.csv.gz`, rows: 8640 }

const house = new House(setUpPython(options.python))
try {
  const rows = []
  for (const hidden of options.hidden.split(',').map(Number))
    for (const threads of options.threads.split(',').map(Number)) {
      const model = { model: 'segments', loss: 'mae', seed: 1, ...SIZES, hidden }
      const task = { kind: 'forecaster', ...DATASET, options: model, training: TRAINING }
      const entrants = ['ours', 'torch'].map((name) => ({ name, contestant: name, task }))
      const windows = TRAINING.batch * TRAINING.steps
      const row = { section: 'forecaster', id: `etth1/${hidden}/${threads}`, threads, entrants }
      const how = { rounds: Number(options.rounds), secondsPerRow: 120 }
      const measured = await measureRow({ ...row, tokens: windows }, house, how)
      rows.push(measured)
      console.log(formatRow(measured))
    }
  const result = {
    ...circumstances(),
    versions: house.versions,
    ...SIZES,
    training: TRAINING,
    rows,
  }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
}
