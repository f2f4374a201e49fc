import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeText } from '../models/language/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const textFile = join(directory, 'text.txt')
writeFileSync(textFile, makeText(500))

const trainFlags = (...more: (string | number)[]) => [
  ...['lm', 'train', '--text', textFile, '--unit', 'char', '--layers', 1, '--hidden', 8],
  ...['--steps', 10, '--batch', 5, '--checkpoint', join(directory, 'x'), ...more],
]

const failures: [string, (string | number)[], number, RegExp][] = [
  ['no command', [], 2, /Usage/],
  ['unknown flag', ['doctor', '--frobnicate'], 2, /^error: unknown option '--frobnicate'\n$/],
  [
    'misspelt flag',
    trainFlags('--hiden', 3),
    2,
    /^error: unknown option '--hiden' \(Did you mean --hidden\?\)\n$/,
  ],
  ['missing flag', ['lm', 'eval', '--text', 'x'], 2, /^error: required option '--model <dir>'/],
  [
    'missing flags',
    ['lm', 'train', '--text', 'x'],
    2,
    /^error: required options '--unit <name>', '--checkpoint <dir>' not specified\n$/,
  ],
  [
    'misspelt needed flag',
    ['lm', 'eval', '--modle', 'x'],
    2,
    /^error: unknown option '--modle' \(Did you mean --model\?\)\n$/,
  ],
  [
    'misspelt command',
    ['lm', 'trian'],
    2,
    /^error: unknown command 'trian' \(Did you mean train\?\)\n$/,
  ],
  [
    'misspelt command of one that runs by itself',
    ['summarize', 'tran', '--data', 'x'],
    2,
    /^error: unknown command 'tran' \(Did you mean train\?\)\n$/,
  ],
  [
    'picture of no known kind',
    ['seq2seq', 'translate', '--model', 'x', '--attention-plot', 'x.png'],
    2,
    /^error: .*--attention-plot.*x\.png.*\.html or \.svg\.\n$/,
  ],
  [
    'two kinds of validation',
    trainFlags('--valid', textFile, '--validation-split', 0.1),
    1,
    /^error: --validation-split: expected none with --valid /,
  ],
  ['bad number', trainFlags('--dropout', 2), 2, /^error: .*--dropout.*\n$/],
  ['bad cell', ['bench', 'rnn', '--cell', 'xlstm'], 2, /^error: .*lstm, gru, rnn/],
  [
    'missing text',
    ['lm', 'train', '--text', '/missing', '--unit', 'char', '--checkpoint', 'x'],
    1,
    /^error: .*\/missing.*ERR_IO\)\n$/,
  ],
  [
    'missing model',
    ['lm', 'eval', '--model', '/missing', '--text', textFile],
    1,
    /^error: .*ERR_IO\)\n$/,
  ],
  [
    'short text',
    trainFlags('--batch', 5000),
    1,
    /^note: --batch is given twice: 5000 counts, not 5\nerror: .*ERR_EMPTY\)\n$/,
  ],
  ['bad schedule', trainFlags('--schedule', 'sawtooth'), 2, /^error: .*--schedule.*"sawtooth"\n$/],
  [
    'bad option of a schedule',
    trainFlags('--schedule', 'step:gama=0.5'),
    2,
    /^error: .*--schedule.*gama: is no option here; did you mean gamma/,
  ],
  [
    'bad init',
    trainFlags('--init', 'uniform:'),
    2,
    /^error: .*--init.*Expected uniform:0\.1, normal:0\.1, xavier or orthogonal, [^{]*\n$/,
  ],
  [
    'a number beyond numbers',
    trainFlags('--epochs', '1e400'),
    2,
    /^error: .*--epochs.*1e400.*Expected a number above 0\.\n$/,
  ],
  ['momentum of adam', trainFlags('--momentum', 0.9), 1, /^error: --momentum: adam has none/],
  ['precision', ['bench', 'rnn', '--precision', 'fp8'], 2, /^error: .*f32, bf16/],
  ['plateau without --valid', trainFlags('--schedule', 'plateau'), 1, /^error: .*--valid.*\n$/],
]
for (const [name, args, code, message] of failures)
  test(`${name}: one line and exit code ${code}`, async (t) => {
    const outcome = await rnnative(args)
    t.is(outcome.code, code)
    t.regex(outcome.stderr, message)
    t.is(outcome.stdout, '')
  })

test('help and version need no addon', async (t) => {
  const env = { RNNATIVE_BINARY: '/missing.node' }
  for (const command of ['', 'lm train', 'lm eval', 'seq2seq train', 'seq2seq translate'])
    t.is((await rnnative([...command.split(' ').filter(Boolean), '--help'], { env })).code, 0)
  const { stdout } = await rnnative(['lm', 'eval', '--help'], { env })
  t.regex(stdout, /--model <dir> .*\(needed\)/s)
  t.regex((await rnnative(['--version'], { env })).stdout, /^\d+\.\d+\.\d+\n$/)
})
