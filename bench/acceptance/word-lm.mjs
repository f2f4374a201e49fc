// The recipe of Zaremba et al. 2014 (small) on WikiText-2 by flags alone, beside PyTorch's: one pass with plain SGD.
//
//   node bench/acceptance/word-lm.mjs [--max-steps N] [--threads 2] [--python PATH] [--keep DIR]
//
// Prints both losses over tenths of the run, and records bench/results/word-lm.json after a whole pass. Fails where
// they differ by more than 1%. With --keep the losses stay in DIR as they come, and a side that is there to its end
// is not run again.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readText, Tokenizer } from 'rnnative'
import { setUpPython } from '../measure/setup.mjs'
import { DATA, record } from './seq2seq.mjs'

const { values: options } = parseArgs({
  options: {
    'max-steps': { type: 'string' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string' },
    keep: { type: 'string' },
  },
})
const root = path.resolve(import.meta.dirname, '../..')
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-'))
const file = `${DATA}/lm/wikitext-2/train.txt.gz`
const limits = options['max-steps'] ? ['--max-steps', options['max-steps']] : []
const threads = ['--threads', options.threads]

const FLAGS =
  '--unit space --layers 2 --hidden 200 --init uniform:0.1 --optimizer sgd --learning-rate 1 ' +
  '--schedule step:gamma=0.5,after=4 --clip-norm 5 --batch 20 --steps 35 --epochs 1 --seed 1 --json'

const kept = options.keep ?? scratch
mkdirSync(kept, { recursive: true })

/** The lines that a side prints, one a step, in a file that has its last name when the side is done. */
function run(name, command, args) {
  const whole = path.join(kept, `${name}.jsonl`)
  if (!existsSync(whole)) {
    const out = openSync(`${whole}.part`, 'w')
    const { status } = spawnSync(command, args, { stdio: ['ignore', out, 'inherit'] })
    closeSync(out)
    if (status !== 0) throw new Error(`${name} ended with ${status}`)
    renameSync(`${whole}.part`, whole)
  }
  return readFileSync(whole, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

function ours() {
  const paths = ['--text', file, '--checkpoint', path.join(scratch, 'run')]
  const flags = [...paths, ...FLAGS.split(' '), ...threads, ...limits]
  const main = path.join(root, 'dist/cli/main.js')
  const events = run('rnnative', process.execPath, [main, 'lm', 'train', ...flags])
  return events.filter(({ event }) => event === 'step').map(({ loss }) => loss)
}

async function torch() {
  const text = await readText(file)
  const tokenizer = Tokenizer.spaces(text)
  const ids = path.join(scratch, 'ids.bin')
  writeFileSync(ids, tokenizer.encode(text))
  const script = path.join(root, 'bench/contestants/torch/word_lm.py')
  const flags = [ids, String(tokenizer.size), ...threads, ...limits]
  return run('pytorch', setUpPython(options.python), [script, ...flags])
}

try {
  const curves = { rnnative: ours(), pytorch: await torch() }
  const steps = curves.rnnative.length
  const means = (losses) =>
    Array.from({ length: 10 }, (_, i) => {
      const part = losses.slice(Math.floor((i * steps) / 10), Math.floor(((i + 1) * steps) / 10))
      return part.reduce((sum, loss) => sum + loss, 0) / part.length
    })
  const [a, b] = [means(curves.rnnative), means(curves.pytorch)]
  const difference = a.map((loss, i) => loss / b[i] - 1)
  console.log(`${steps} steps; mean nats a token over tenths of them`)
  a.forEach((loss, i) =>
    console.log(
      `${i + 1}/10  rnnative ${loss.toFixed(4)}  pytorch ${b[i].toFixed(4)}  ` +
        `${(100 * difference[i]).toFixed(2)}%`,
    ),
  )
  if (limits.length === 0)
    record('word-lm', { flags: FLAGS, steps, rnnative: a, pytorch: b, difference })
  if (difference.some((share) => Math.abs(share) > 0.01)) process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
