// What a program pays before its first result: importing, the first call and the second, memory when a model lies ready.
// Each in processes of their own, ours and PyTorch's in turn; medians.
//
//   node bench/startup.mjs [--rounds 7] [--python PATH] [--out FILE]
//
// A model: characters, LSTM 2 x 512. `import`: from the process's start to the packages being there; `load`: reading the model;
// `first`: the first token; `next`: one after it; `memory`: resident memory then. The files lie in the page cache.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { setUpPython } from './measure/setup.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    python: { type: 'string', default: 'none' },
    out: { type: 'string' },
    child: { type: 'string' },
    model: { type: 'string' },
  },
})
/** Milliseconds since this process began. */
const age = () => performance.now()
const LENGTH = 2

/** What a child of ours does; each prints one line. */
const CHILDREN = {
  async nothing() {
    return { import: age(), memory: process.memoryUsage.rss() / 2 ** 20 }
  },
  async import() {
    await import('rnnative')
    return { import: age(), memory: process.memoryUsage.rss() / 2 ** 20 }
  },
  async require() {
    const { createRequire } = await import('node:module')
    createRequire(import.meta.url)('rnnative')
    return { import: age(), memory: process.memoryUsage.rss() / 2 ** 20 }
  },
  async generate() {
    const { LanguageModel } = await import('rnnative')
    const imported = age()
    const model = await LanguageModel.load(options.model)
    const loaded = age()
    const memory = process.memoryUsage.rss() / 2 ** 20
    const times = []
    for (let i = 0; i < 3; ++i) {
      const began = age()
      const pieces = model.generate('ab', { length: LENGTH, temperature: 0 })
      while (!(await pieces.next()).done);
      times.push(age() - began)
    }
    return {
      ...{ import: imported, load: loaded - imported, first: times[0], next: times[2], memory },
      begun: loaded + times[0],
    }
  },
}

const PYTHON = path.resolve(import.meta.dirname, 'contestants/torch/torch_startup.py')

const lastJson = (text) => JSON.parse(text.trim().split('\n').at(-1))
const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]
const own = (name, model = '') =>
  lastJson(execFileSync(process.execPath, [import.meta.filename, '--child', name, '--model', model], { encoding: 'utf8' })) // prettier-ignore

async function measure() {
  const { LanguageModel, Tokenizer, info } = await import('rnnative')
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-startup-'))
  const model = path.join(scratch, 'model')
  const letters = Array.from({ length: 65 }, (_, i) => String.fromCharCode(48 + i)).join('')
  const lm = new LanguageModel({
    ...{
      tokenizer: Tokenizer.characters(letters),
      layers: 2,
      hidden: 512,
      embedding: 512,
      seed: 1,
    },
  })
  await lm.save(model)
  await lm.dispose()

  const python = setUpPython(options.python)
  const weights = path.join(scratch, 'torch.pt')
  if (python) execFileSync(python, [PYTHON, weights, 'save'])
  const contestants = {
    'node alone': () => own('nothing'),
    'import()': () => own('import'),
    'require()': () => own('require'),
    'language model': () => own('generate', model),
    ...(python && { torch: () => lastJson(execFileSync(python, [PYTHON, weights, String(LENGTH)], { encoding: 'utf8' })) }), // prettier-ignore
  }
  const found = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]))
  for (const run of Object.values(contestants)) run() // into the page cache
  for (let round = 0; round < Number(options.rounds); ++round)
    for (const [name, run] of Object.entries(contestants)) found[name].push(run())
  rmSync(scratch, { recursive: true })

  const figure = (name, what) => median(found[name].map((one) => one[what]))
  const noise = (name, what) => {
    const all = found[name].map((one) => one[what]).toSorted((a, b) => a - b)
    return (
      (all[Math.ceil(0.75 * (all.length - 1))] - all[Math.floor(0.25 * (all.length - 1))]) /
      2 /
      figure(name, what)
    )
  }
  const row = (title, name, what) => {
    const theirs = python && name === 'language model' ? figure('torch', what) : null
    const ours = figure(name, what)
    return {
      ...{
        row: title,
        rival: theirs === null ? null : 'torch',
        unit: what === 'memory' ? 'MiB' : 'ms',
      },
      ...{ ours, theirs, ratio: theirs && theirs / ours, noise: noise(name, what) },
      ...(theirs && { ratioNoise: Math.hypot(noise(name, what), noise('torch', what)) }),
    }
  }
  const rows = [
    row('node itself', 'node alone', 'import'),
    row('import from the start of the process', 'import()', 'import'),
    row('require from the start of the process', 'require()', 'import'),
    row('resident memory of node itself', 'node alone', 'memory'),
    row('resident memory after import', 'import()', 'memory'),
    row('loading an LSTM 2×512', 'language model', 'load'),
    row('its first two characters', 'language model', 'first'),
    row('two characters later on', 'language model', 'next'),
    row('from the start of the process to the first two', 'language model', 'begun'),
    row('resident memory with the model', 'language model', 'memory'),
  ]
  for (const { row, ours, theirs, unit } of rows)
    console.log(
      `${row.padEnd(50)} ${ours.toFixed(1)} ${unit}${theirs ? `, torch ${theirs.toFixed(1)}` : ''}`,
    )
  const versions = { isa: info().isa, node: process.version }
  if (options.out)
    writeFileSync(options.out, `${JSON.stringify({ ...circumstances(), versions, rounds: Number(options.rounds), rows }, null, 1)}\n`) // prettier-ignore
}

if (options.child) console.log(JSON.stringify(await CHILDREN[options.child]()))
else await measure()
