// The classifier of examples/own-module.mjs, trained by a Trainer on batches that are laid out already.
import { readFileSync } from 'node:fs'
import { optim, Trainer } from '#dist/index.js'
import { Classifier } from '../../../examples/own-module.mjs'
import { timed } from '../../measure/serve.mjs'

const laidOut = ({ ids, lengths, labels }) => ({
  words: { shape: [ids.length, ids[0].length], data: Int32Array.from(ids.flat()) },
  lengths: { shape: [lengths.length], data: Int32Array.from(lengths) },
  label: { shape: [labels.length], data: Int32Array.from(labels) },
})

export function prepareClassifier({ data, lr, clipNorm, ...sizes }) {
  const { vocabulary, classes, batches } = JSON.parse(readFileSync(data, 'utf8'))
  const module = new Classifier(vocabulary, classes, sizes)
  const portions = batches.map((batch) => ({
    ...{ batch: laidOut(batch), rows: batch.labels.length, key: null },
    items: batch.lengths.reduce((sum, length) => sum + length, 0),
  }))
  const trainer = new Trainer({
    module,
    loss: (batch) => module.loss(batch),
    feed: {
      ...{ unit: 'tokens', count: portions.length, identity: {} },
      pass: (_, first) => portions.slice(first),
    },
    seed: 1,
  })
  return {
    runs: timed(() => trainer.fit({ optimizer: optim.adam({ lr }), clipNorm })),
    dispose: () => module.dispose(),
  }
}
