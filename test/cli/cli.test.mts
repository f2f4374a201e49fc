import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { makeText } from '../models/language/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const textFile = join(directory, 'text.txt')
const zipped = join(directory, 'valid.txt.gz')
const text = makeText(500)
writeFileSync(textFile, text)
writeFileSync(zipped, gzipSync(makeText(50, 2)))

const trainFlags = (checkpoint: string, ...more: (string | number)[]) => [
  ...['lm', 'train', '--text', textFile, '--unit', 'char', '--layers', 1, '--hidden', 8],
  ...['--steps', 10, '--batch', 5, '--checkpoint', join(directory, checkpoint), ...more],
]

test('doctor tells versions, cpu and cuda', async (t) => {
  const { code, lines } = await rnnative(['doctor', '--json'])
  t.is(code, 0)
  t.is(lines.length, 1)
  const { versions, cpu, cuda } = lines[0] as Record<string, Record<string, unknown>>
  t.is(versions?.['node'], process.versions.node)
  t.is(typeof cpu?.['isa'], 'string')
  t.true((cpu?.['threads'] as number) >= 1)
  t.true('quota' in (cpu ?? {}))
  t.true(cuda?.['available'] === true || typeof cuda?.['fix'] === 'string')
  t.regex((await rnnative(['doctor'])).stdout, /instruction set/)
})

test('doctor says what keeps the addon from loading', async (t) => {
  const { code, stderr, lines } = await rnnative(['doctor', '--json'], {
    env: { RNNATIVE_BINARY: join(directory, 'missing.node') },
  })
  t.is(code, 1)
  t.regex(stderr, /^error: the native addon does not load/)
  t.is(typeof lines[0]?.['fix'], 'string')
})

for (const mode of ['infer', 'train'])
  for (const cell of ['lstm', 'gru', 'rnn'])
    test(`bench rnn: ${cell} ${mode}`, async (t) => {
      const precision = cell === 'gru' ? 'bf16' : 'f32'
      const flags = [
        '--layers',
        2,
        '--steps',
        3,
        '--batch',
        2,
        '--input',
        4,
        '--hidden',
        5,
        '--runs',
        4,
      ]
      const { code, lines } = await rnnative([
        ...['bench', 'rnn', '--cell', cell, ...flags, '--bidirectional', '--mode', mode],
        ...['--precision', precision, '--device', 'cpu', '--threads', 1, '--json'],
      ])
      t.is(code, 0)
      const [result = {}] = lines
      const ms = result['milliseconds'] as number
      t.true((result['min'] as number) <= ms && ms <= (result['max'] as number))
      const gates = { lstm: 4, gru: 3, rnn: 1 }[cell] as number
      const forward = 2 * 3 * 2 * gates * 5 * 2 * (4 + 5 + (10 + 5))
      const flops = mode === 'train' ? 3 * forward : forward
      t.true(Math.abs((result['gflops'] as number) - flops / ms / 1e6) < 1e-9)
      t.like(result, { threads: 1, device: 'cpu', mode, precision })
      t.is(typeof result['isa'], 'string')
    })

test('lm train, eval and generate work together', async (t) => {
  const model = join(directory, 'together')
  const flags = [
    '--valid',
    zipped,
    '--epochs',
    2,
    '--dropout',
    0.1,
    '--optimizer',
    'adamw',
    '--learning-rate',
    0.01,
  ]
  const trained = await rnnative(
    trainFlags(
      'together',
      ...flags,
      '--schedule',
      'cosine',
      '--clip-norm',
      5,
      '--patience',
      9,
      '--threads',
      1,
      '--seed',
      4,
      '--device',
      'auto',
      '--precision',
      'bf16',
      '--checkpoint-every',
      10,
      '--json',
    ),
  )
  t.is(trained.code, 0, trained.stderr)
  const [start, ...rest] = trained.lines
  t.is(start?.['event'], 'start')
  const end = rest.pop()
  t.like(end, { event: 'end', stopped: 'epochs', epochs: 2 })
  t.true(rest.every(({ event, loss }) => event === 'step' && typeof loss === 'number'))
  t.is(rest.length, 2 * (start?.['stepsPerEpoch'] as number))

  const scored = await rnnative(['lm', 'eval', '--model', model, '--text', zipped, '--json'])
  t.is(scored.code, 0, scored.stderr)
  const [score = {}] = scored.lines
  t.is(score['nats'], (end?.['best'] as { loss: number }).loss)
  const exact = ['--precision', 'f32', '--json']
  const single = await rnnative(['lm', 'eval', '--model', model, '--text', zipped, ...exact])
  t.not(single.lines[0]?.['nats'], score['nats'])
  t.is(score['tokens'], makeText(50, 2).length - 1)
  for (const name of ['perplexity', 'bitsPerToken', 'bitsPerCharacter'])
    t.is(typeof score[name], 'number')

  const bf16 = ['--precision', 'bf16']
  const generate = ['lm', 'generate', '--model', model, '--prompt', 'the wh', '--length', 20]
  const sampling = ['--temperature', 0.8, '--top-k', 10, '--top-p', 0.9, '--seed', 3, ...bf16]
  const written = await rnnative([...generate, ...sampling])
  t.is(written.code, 0, written.stderr)
  t.is(written.stdout.length, 'the wh'.length + 20 + 1)
  t.true(written.stdout.startsWith('the wh'))
  t.is((await rnnative([...generate, ...sampling])).stdout, written.stdout)
})

for (const unit of ['word', 'byte'])
  test(`lm train: ${unit}s, tied weights, human output`, async (t) => {
    const model = join(directory, unit)
    const { code, stdout, stderr } = await rnnative([
      ...[
        'lm',
        'train',
        '--text',
        textFile,
        '--unit',
        unit,
        '--cell',
        'gru',
        '--layers',
        1,
        '--hidden',
        8,
      ],
      ...['--embedding', 8, '--tie-weights', '--epochs', 1, '--steps', 5, '--checkpoint', model],
    ])
    t.is(code, 0, stderr)
    t.regex(stdout, /tokens [\d,]+, batch \d+, vocabulary/)
    t.regex(stdout, /all epochs done/)
    const scored = await rnnative(['lm', 'eval', '--model', model, '--text', textFile])
    t.regex(scored.stdout, /perplexity/)
  })

test('--max-seconds ends training, --resume goes on', async (t) => {
  const timed = await rnnative(trainFlags('timed', '--max-seconds', 0.2, '--json'))
  t.like(timed.lines.at(-1), { event: 'end', stopped: 'seconds' })
  const steps = timed.lines.at(-1)?.['step'] as number
  const again = await rnnative(trainFlags('timed', '--max-seconds', 0.4, '--resume', '--json'))
  t.is(again.lines[1]?.['step'], steps + 1)
})

test('Ctrl-C writes a checkpoint', async (t) => {
  let sent = false
  const { code, lines } = await rnnative(trainFlags('interrupted', '--max-seconds', 60, '--json'), {
    onLine(_, pid) {
      if (!sent) process.kill(pid, 'SIGINT')
      sent = true
    },
  })
  t.is(code, 130)
  t.like(lines.at(-1), { event: 'end', stopped: 'aborted' })
  t.true((lines.at(-1)?.['checkpoint'] as string).startsWith(join(directory, 'interrupted')))
})

const failures: [string, (string | number)[], number, RegExp][] = [
  ['no command', [], 2, /Usage/],
  ['unknown flag', ['doctor', '--frobnicate'], 2, /^error: unknown option '--frobnicate'\n$/],
  ['missing flag', ['lm', 'eval', '--text', 'x'], 2, /^error: required option '--model <dir>'/],
  ['bad number', trainFlags('x', '--dropout', 2), 2, /^error: .*--dropout.*\n$/],
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
  ['short text', trainFlags('x', '--batch', 5000), 1, /^error: .*ERR_EMPTY\)\n$/],
  ['precision', ['bench', 'rnn', '--precision', 'fp8'], 2, /^error: .*f32, bf16/],
  [
    'plateau without --valid',
    trainFlags('x', '--schedule', 'plateau'),
    1,
    /^error: .*--valid.*\n$/,
  ],
]
for (const [name, args, code, message] of failures)
  test(`${name}: one line and exit code ${code}`, async (t) => {
    const outcome = await rnnative(args)
    t.is(outcome.code, code)
    t.regex(outcome.stderr, message)
    t.is(outcome.stdout, '')
  })

test('help and version succeed', async (t) => {
  t.is((await rnnative(['--help'])).code, 0)
  t.is((await rnnative(['lm', 'train', '--help'])).code, 0)
  t.regex((await rnnative(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})
