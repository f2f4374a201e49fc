// The contestant TensorFlow.js on WebAssembly, its recurrent layers as a user builds them.
import { createRequire } from 'node:module'
import path from 'node:path'
import { serve, timed } from '../../measure/serve.mjs'

const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs')
const wasm = require('@tensorflow/tfjs-backend-wasm')

wasm.setWasmPaths(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + path.sep)
wasm.setThreadsCount(Number(process.env.OMP_NUM_THREADS))

async function prepare({ cell, layers, steps, batch, input, hidden }) {
  if (!(await tf.setBackend('wasm'))) throw new Error('the wasm backend does not start')
  const model = tf.sequential()
  for (let i = 0; i < layers; ++i) {
    const inputShape = i === 0 ? [steps, input] : undefined
    model.add(tf.layers[cell]({ units: hidden, returnSequences: true, inputShape }))
  }
  const x = tf.randomNormal([batch, steps, input])
  const run = async () => {
    const y = model.predict(x)
    await y.data()
    y.dispose()
  }
  const dispose = () => [model, x].forEach((owned) => owned.dispose())
  return { runs: timed(run), dispose }
}

await serve({
  prepare,
  methods: { versions: () => ({ 'tfjs-backend-wasm': wasm.version_wasm }) },
})
