// Runs suites one after the other, each a process of its own, and stamps their records with what they ran on and by.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { info } from 'rnnative'
import { DATA } from '../acceptance/seq2seq.mjs'
import { circumstances } from '../circumstances.mjs'
import { setUpNode } from './setup.mjs'

const BENCH = path.resolve(import.meta.dirname, '..')
const ROOT = path.dirname(BENCH)
const OWN_PYTHON = path.join(ROOT, '.cache/peers-venv/bin/python3')

/** What a run of suites takes on its command line: which of them, how long, and where rivals are. */
export const RUN_OPTIONS = {
  only: { type: 'string' },
  quick: { type: 'boolean', default: false },
  python: { type: 'string' },
  node: { type: 'boolean', default: false },
  word2vec: { type: 'string' },
  fasttext: { type: 'string' },
}

const succeeds = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** The Python to use: the one given, that of the bench's own environment, or that on the path, where it has PyTorch. */
function findPython(given) {
  if (given === 'none') return null
  const places = given === undefined ? [OWN_PYTHON, 'python3'] : [given]
  return places.find((python) => succeeds(python, ['-c', 'import torch'])) ?? null
}

function nodeRivals() {
  try {
    setUpNode()
    return null
  } catch (error) {
    return error.message.split('\n')[0]
  }
}

/**
 * What is there: each rival and need by name, null where it was found, else why it was not. `options`: python, word2vec,
 * fasttext (paths) and suites, of which those without Node's rivals do not install them.
 */
export function takeStock(suites, options) {
  const python = findPython(options.python)
  const without = options.python
    ? `${options.python} does not import torch`
    : 'no Python with torch: --python PATH'
  const missing = { torch: python === null ? without : null }
  missing.ort =
    missing.torch ??
    (succeeds(python, ['-c', 'import onnx, onnxruntime'])
      ? null
      : `${python} does not import onnxruntime`)
  const wanted = (rival) => suites.some(({ rivals }) => rivals.includes(rival))
  const node = wanted('ort-node') && options.node ? nodeRivals() : 'not asked for: --node'
  Object.assign(missing, { 'ort-node': missing.ort ?? node, tfjs: node })
  for (const name of ['word2vec', 'fasttext'])
    missing[name] = options[name] ? null : `no path given: --${name} PATH`
  missing.data = existsSync(path.join(DATA, 'SOURCES.md'))
    ? null
    : `no ${DATA}: RNNATIVE_DATA names the folder`
  missing.mpi = succeeds('mpirun', ['--version']) ? null : 'no mpirun on the path'
  return { python, missing }
}

function argumentsOf(suite, { python, missing }, options, file) {
  const given = [...suite.args, ...(options.quick ? suite.quick : [])]
  const here = suite.rivals.filter((rival) => missing[rival] === null)
  if (suite.choose) given.push('--rivals', here.join())
  if (suite.rivals.includes('torch')) given.push('--python', python ?? 'none')
  for (const rival of here)
    if (['word2vec', 'fasttext'].includes(rival)) given.push(`--${rival}`, options[rival])
  if (suite.out !== null) given.push(suite.out ?? '--out', file)
  return given
}

/** Lets it run in a folder of the project, its output going where ours does; its exit code. */
const execute = (script, given, env) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(BENCH, script), ...given], {
      ...{ cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] },
    })
    child.on('exit', (code, signal) => resolve(code ?? signal))
  })

function stamp(file, more) {
  const machine = circumstances()
  delete machine.date
  const record = JSON.parse(readFileSync(file, 'utf8'))
  const { isa } = info()
  const whole = { ...record, machine: { ...machine, isa, node: process.version }, ...more }
  writeFileSync(file, `${JSON.stringify(whole, null, 1)}\n`)
}

/** Runs them all, whether or not one fails; gives by name what was not run or failed, and why. */
export async function runSuites(suites, options, out) {
  const stock = takeStock(suites, options)
  for (const [name, why] of Object.entries(stock.missing))
    if (why) console.log(`without ${name}: ${why}`)
  const trouble = {}
  for (const suite of suites) {
    const lacking = (suite.needs ?? []).find((need) => stock.missing[need] !== null)
    if (lacking) {
      trouble[suite.name] = `skipped: ${stock.missing[lacking]}`
      console.log(`\n== ${suite.name}: ${trouble[suite.name]}`)
      continue
    }
    const skipped = suite.rivals.filter((rival) => stock.missing[rival] !== null)
    const file = path.join(out, `${suite.record}.json`)
    const given = argumentsOf(suite, stock, options, file)
    const command = `node bench/${suite.script} ${given.join(' ')}`
    console.log(`\n== ${suite.name}: ${command}`)
    if (skipped.length > 0) console.log(`   without ${skipped.join(', ')}`)
    const [began, load] = [performance.now(), os.loadavg()[0]]
    const code = await execute(suite.script, given, { RNNATIVE_RESULTS: out })
    const seconds = Math.round((performance.now() - began) / 1000)
    if (code === 0 && existsSync(file)) stamp(file, { command, seconds, load, skipped })
    else trouble[suite.name] = `failed: ${suite.script} ended with ${code}`
    console.log(`== ${suite.name}: ${seconds} s`)
  }
  return trouble
}
