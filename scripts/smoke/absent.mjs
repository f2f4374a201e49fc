// Run by scripts/test-package.sh in a folder where the packed package is installed, and none of the packages that only
// some need: what needs them must say how to get them.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { convert, nn, readDialogues, readTable, report, tensor, watch } from 'rnnative'

const points = { training: [], validation: [] }
const tries = {
  'npm install vega@6 vega-lite@6.4': () =>
    report.renderReport({ title: 'a', curves: points, results: {}, settings: {} }),
  'npm install protobufjs @node-rs/crc32': () => watch.tensorboard('events'),
  'npm install @keckelt/tsne': () => report.tsne([[1], [2]]),
  'npm install csv-parse': () => readTable('package.json', { format: 'csv' }),
  'npm install fastify@5': () =>
    promisify(execFile)('npx', ['--no-install', 'rnnative', 'serve', '--model', 'runs']),
  'npm install uplot': () => promisify(execFile)('npx', ['--no-install', 'rnnative', 'watch', '.']),
  'npm install js-yaml': () => readDialogues('talk.yml'),
  'npm install fflate': () => convert.writeTorch('a.pt', new Map()),
  'npm install h5wasm': () => convert.writeKeras('a.h5', new Map()),
  'npm install protobufjs': () => convert.writeOnnx('a.onnx', new nn.RNN({ input: 1, hidden: 1 })),
  'npm install rnnative-cuda@': () => tensor([1], [1], { device: 'cuda' }),
}
for (const [advice, use] of Object.entries(tries))
  await assert.rejects(
    async () => use(),
    ({ message }) => message.includes(advice),
    advice,
  )
console.log(`absent: ${Object.keys(tries).length} packages are named`)
