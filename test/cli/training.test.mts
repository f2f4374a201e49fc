import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { holdOutEnd, holdOutEvenly } from '#dist/cli/held-out.js'
import { makeText } from '../models/language/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const textFile = join(directory, 'text.txt')
const text = makeText(500)
writeFileSync(textFile, text)

const trainFlags = (checkpoint: string, ...more: (string | number)[]) => [
  ...['lm', 'train', '--text', textFile, '--unit', 'char', '--layers', 1, '--hidden', 8],
  ...['--steps', 10, '--batch', 5, '--checkpoint', join(directory, checkpoint), ...more],
]

test('a share of a text is its end, from a line on where one ends near', (t) => {
  for (const [whole, share, end] of [
    ['a line\nanother\nthe last', 0.4, 'the last'],
    ['0123456789', 0.2, '89'],
    ['01234567\u{1f600}9', 0.2, '9'],
  ] as const) {
    const { learned, heldOut } = holdOutEnd<string>(whole, share)
    t.is(heldOut, end)
    t.is(learned + heldOut, whole)
  }
  t.deepEqual(holdOutEnd(Int32Array.of(1, 2, 3, 4), 0.5).heldOut, Int32Array.of(3, 4))
})

test('a share of pairs comes from everywhere', (t) => {
  const pairs = Array.from({ length: 10 }, (_, i): [string, string] => [`${i}`, ''])
  const { learned, heldOut } = holdOutEvenly(pairs, 0.3)
  t.deepEqual(
    heldOut.map(([source]) => source),
    ['3', '6', '9'],
  )
  t.is(learned.length, 7)
})

test('--validation-split validates without a file, and resumes with the same', async (t) => {
  const flags = (epochs: number, ...more: string[]) =>
    trainFlags('split', '--validation-split', 0.2, '--epochs', epochs, '--json', ...more)
  const run = await rnnative(flags(1))
  t.is(run.code, 0, run.stderr)
  t.is(typeof run.lines.at(-1)?.['validation'], 'number')
  t.true((run.lines[0]?.['tokens'] as number) < text.length * 0.85)
  const again = await rnnative(flags(2, '--resume'))
  t.is(again.code, 0, again.stderr)
  t.is(again.stderr, 'note: resumed with epochs 2, formerly 1\n')
})

test('a run that diverges is told of', async (t) => {
  const { code, stderr, stdout } = await rnnative(
    trainFlags('astray', '--max-steps', 9, '--optimizer', 'sgd', '--learning-rate', 1e10),
  )
  t.is(code, 0)
  t.regex(stderr, /^note: step \d: a loss of \d\.\d\de\+\d+ nats, the run diverges: /)
  t.regex(stderr, /\nnote: the run has diverged, to a loss of \d\.\d\de\+\d+ nats\n$/)
  t.regex(stdout, / loss \d\.\d\de\+\d+ /)
})
