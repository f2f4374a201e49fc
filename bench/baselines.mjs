// `NaiveBayes` and `MaxEnt` beside the same models of scikit-learn, from raw texts on: learning, the prediction of a test set
// with probabilities (ours with and without the terms that weighed most), and of a hundred texts one at a time:
//
//   node bench/baselines.mjs [--only sst2,sms-spam,chnsenticorp] [--work fit,predict,one] [--rounds 7] [--python PATH] [--out FILE]
//
// One thread each: neither side has more. The Python needs scikit-learn. The data: RNNATIVE_DATA, or ../shared/data.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { SETS } from './acceptance/labelled.mjs'
import { circumstances } from './circumstances.mjs'
import { House } from './measure/contestants.mjs'
import { formatRow } from './measure/format.mjs'
import { measureRow } from './measure/measure.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'sst2,sms-spam,chnsenticorp' },
    work: { type: 'string', default: 'fit,predict,one' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})

/** Settings that both sides have, near those that bench/acceptance/baselines.mjs chooses. */
const words = { analyzer: 'space', ngrams: [1, 2] }
const letters = { analyzer: 'char', ngrams: [1, 2, 3] }
const bayes = (terms) => ({ kind: 'naive-bayes', alpha: 0.6, weighting: 'counts', ...terms })
const maxEnt = (terms) => ({ kind: 'max-ent', l2: 0.1, sublinear: true, ...terms })
const MODELS = {
  sst2: [bayes(words), maxEnt(words)],
  'sms-spam': [bayes(words), maxEnt(words)],
  chnsenticorp: [bayes(letters), maxEnt(letters)],
}

const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const house = new House(setUpPython(options.python))
try {
  const rows = []
  for (const name of options.only.split(',')) {
    const { learned, test: asked } = await SETS[name]()
    const texts = path.join(scratch, `${name}.json`)
    writeFileSync(texts, JSON.stringify({ learned, asked }))
    for (const model of MODELS[name])
      for (const work of options.work.split(',')) {
        const task = { kind: 'baseline', work, texts, options: model }
        const entrants = [
          { name: 'ours', contestant: 'ours', task },
          ...(work === 'fit'
            ? []
            : [
                {
                  ...{ name: 'ours-explained', contestant: 'ours' },
                  task: { ...task, asking: 'explained' },
                },
              ]),
          { name: 'sklearn', contestant: 'sklearn', task },
        ]
        const id = `${name}/${model.kind}/${work}`
        const how = { rounds: Number(options.rounds), secondsPerRow: 120 }
        const row = { section: 'baselines', id, threads: 1, entrants }
        const measured = await measureRow(row, house, how)
        rows.push(measured)
        console.log(formatRow(measured))
      }
  }
  const result = { ...circumstances(), versions: house.versions, models: MODELS, rows }
  if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 1) + '\n')
} finally {
  await house.close()
  rmSync(scratch, { recursive: true, force: true })
}
