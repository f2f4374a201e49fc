// The recipe of Zaremba et al. 2014 (small) on WikiText-2 by flags alone, beside PyTorch's: one pass with plain SGD.
//
//   node bench/acceptance/word-lm.mjs [--max-steps N] [--threads 2] [--python PATH]
//
// Prints both losses over tenths of the run, and records bench/results/word-lm.json after a whole pass. Fails where
// they differ by more than 1%.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

const run = (command, args) =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
    .trim()
    .split('\n')

function ours() {
  const paths = ['--text', file, '--checkpoint', path.join(scratch, 'run')]
  const flags = [...paths, ...FLAGS.split(' '), ...threads, ...limits]
  const main = path.join(root, 'dist/cli/main.js')
  const events = run(process.execPath, [main, 'lm', 'train', ...flags]).map((line) =>
    JSON.parse(line),
  )
  return events.filter(({ event }) => event === 'step').map(({ loss }) => loss)
}

async function torch() {
  const text = await readText(file)
  const tokenizer = Tokenizer.spaces(text)
  const ids = path.join(scratch, 'ids.bin')
  writeFileSync(ids, tokenizer.encode(text))
  const script = path.join(root, 'bench/contestants/torch/word_lm.py')
  const flags = [ids, String(tokenizer.size), ...threads, ...limits]
  return JSON.parse(run(setUpPython(options.python), [script, ...flags]).at(-1))
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
