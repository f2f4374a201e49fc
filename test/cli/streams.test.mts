/** Standard input, and output that goes nowhere. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeText } from '../models/language/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const text = makeText(500)
const textFile = file('text.txt', text)

const trainFlags = (checkpoint: string, ...more: (string | number)[]) => [
  ...['lm', 'train', '--text', textFile, '--unit', 'char', '--layers', 1, '--hidden', 8],
  ...['--steps', 10, '--batch', 5, '--checkpoint', join(directory, checkpoint), ...more],
]

const latest = (name: string): boolean => existsSync(join(directory, name, 'latest'))

/** Runs the command with something else than a pipe of ours as an output. */
function withOutput(
  args: readonly (string | number)[],
  stdio: { stdout?: number; stderr?: number },
  leave = false,
): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const outputs = [stdio.stdout ?? 'pipe', stdio.stderr ?? 'pipe']
    const child = spawn(process.execPath, ['dist/cli/main.js', ...args.map(String)], {
      stdio: ['ignore', ...outputs] as ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    if (leave) child.stdout?.once('data', () => child.stdout.destroy())
    else child.stdout?.resume()
    child.on('close', (code) => resolve({ code, stderr }))
  })
}

test('a run goes on where its reader leaves or the disk is full, and says so', async (t) => {
  const flags = ['--max-steps', 40, '--json']
  const left = await withOutput(trainFlags('left', ...flags), {}, true)
  t.is(left.code, 1)
  t.regex(left.stderr, /^error: .*its reader has gone; the run goes on without it \(ERR_IO\)\n$/)
  t.true(latest('left'))
  if (!existsSync('/dev/full')) return
  const full = openSync('/dev/full', 'w')
  const disk = await withOutput(trainFlags('full', ...flags), { stdout: full })
  t.is(disk.code, 1)
  t.regex(disk.stderr, /^error: .*no space left on the device; the run goes on .*\(ERR_IO\)\n$/)
  t.true(latest('full'))
  const generate = ['lm', 'generate', '--model', join(directory, 'full'), '--length', 20]
  const written = await withOutput(generate, { stdout: full })
  t.is(written.code, 1)
  t.regex(written.stderr, /^error: .*no space left on the device \(ERR_IO\)\n$/)
  const notes = await withOutput(trainFlags('notes', '--threads', 999, ...flags), { stderr: full })
  t.is(notes.code, 0)
})

for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGTERM', 143],
] as const)
  test(`${signal} writes a checkpoint`, async (t) => {
    let sent = false
    const outcome = await rnnative(trainFlags(signal, '--max-seconds', 60, '--json'), {
      onLine(_, pid) {
        if (!sent) process.kill(pid, signal)
        sent = true
      },
    })
    t.is(outcome.code, code)
    t.true(latest(signal))
  })

test('more threads than CPUs are told of', async (t) => {
  const { code, stderr } = await rnnative(trainFlags('threads', '--threads', 999, '--max-steps', 1))
  t.is(code, 0)
  t.regex(stderr, /^note: --threads 999 on \d+ CPUs?/)
})

test('- is standard input, read as a file is', async (t) => {
  const train = (unit: string, checkpoint: string) => [
    ...['lm', 'train', '--text', '-', '--unit', unit, '--layers', 1, '--hidden', 8],
    ...['--steps', 10, '--batch', 5, '--max-steps', 2, '--checkpoint', join(directory, checkpoint)],
  ]
  for (const unit of ['char', 'byte']) {
    const trained = await rnnative(train(unit, `stdin-${unit}`), { input: text })
    t.is(trained.code, 0, trained.stderr)
  }
  const scored = await rnnative(
    ['lm', 'eval', '--model', join(directory, 'stdin-char'), '--text', '-', '--json'],
    { input: text },
  )
  t.is(scored.lines[0]?.['tokens'], text.length - 1)
  const twice = [...train('char', 'twice'), '--valid', '-']
  t.regex((await rnnative(twice, { input: text })).stderr, /-: expected once/)
})

test.serial(
  'lines on standard input are those of a file; a directory may have a comma',
  async (t) => {
    const lines = file('lines', 'ab\nba\n')
    const model = join(directory, 'a,b')
    const trained = await rnnative(
      [
        ...[
          'seq2seq',
          'train',
          '--source',
          '-',
          '--target',
          lines,
          '--unit',
          'char',
          '--hidden',
          8,
        ],
        ...['--epochs', 1, '--checkpoint', model],
      ],
      { input: 'ab\nba' },
    )
    t.is(trained.code, 0, trained.stderr)
    const translate = ['seq2seq', 'translate', '--model', model]
    const good = await rnnative([...translate, '--max-length', 3], { input: 'ab\r\nab\r' })
    t.is(good.code, 0, good.stderr)
    const [first, second] = good.stdout.split('\n')
    t.is(first, second)
    const odd = await rnnative(translate, { pieces: ['ab\nb', Buffer.from([0xff, 10])] })
    t.is(odd.code, 1)
    t.regex(odd.stderr, /^error: .*standard input: line 2: not valid UTF-8 text \(ERR_FORMAT\)\n$/)
    const blocked = ['--block-ngrams', 1, '--min-length', 10, '--beam', 4, '--n-best', 3]
    const none = await rnnative([...translate, ...blocked], { input: 'ab\nba\n' })
    t.is(none.stdout, '1\t-Infinity\t\n2\t-Infinity\t\n')
    t.regex(none.stderr, /^note: 2 empty lines/)
  },
)

test('a text whose words all occur once is no text to learn words from', async (t) => {
  const single = file('single', Array.from({ length: 400 }, (_, i) => `w${i}`).join(' '))
  const { code, stderr } = await rnnative([
    ...['lm', 'train', '--text', single, '--unit', 'word', '--checkpoint', join(directory, 'no')],
  ])
  t.is(code, 1)
  t.regex(stderr, /^error: .*a word that occurs 2 times, got none \(ERR_EMPTY\)\n$/)
})
