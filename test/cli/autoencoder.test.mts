import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeExamples } from '../models/classifier/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const examples = makeExamples(60)
const text = join(directory, 'texts.txt')
writeFileSync(text, examples.map(({ text }) => `${text as string}\n`).join('\n'))
const reviews = join(directory, 'reviews.csv')
const rows = examples.map(({ text, label }) => `${label as string},${text as string}\n`)
writeFileSync(reviews, `label,text\n${rows.join('')}`)

test('autoencoder train and eval; a classifier begins with it', async (t) => {
  const checkpoint = join(directory, 'auto')
  const sizes = ['--unit', 'space', '--hidden', 12, '--bidirectional', '--layers', 2]
  const trained = await rnnative([
    ...['autoencoder', 'train', '--text', text, ...sizes, '--validation-split', 0.1],
    ...['--max-steps', 4, '--checkpoint', checkpoint, '--json'],
  ])
  t.is(trained.code, 0, trained.stderr)
  t.like(trained.lines[0], { event: 'start', pairs: 54 })
  const scored = await rnnative(['autoencoder', 'eval', '--model', checkpoint, '--text', text])
  t.is(scored.code, 0, scored.stderr)
  t.regex(scored.stdout, /perplexity[^]*tokens/)

  const classify = (...more: (string | number)[]) =>
    rnnative([
      ...['classify', 'train', '--data', reviews, '--pretrained', checkpoint, '--max-steps', 2],
      ...['--checkpoint', join(directory, 'c'), '--overwrite', ...more],
    ])
  const begun = await classify()
  t.is(begun.code, 0, begun.stderr)
  for (const [more, told] of [
    [['--hidden', 5], /hidden: expected 12 as of pretrained, got 5/],
    [['--unit', 'word'], /--unit: expected whitespace as of --pretrained/],
    [['--vocabulary', 50], /--vocabulary: expected none with --pretrained/],
  ] as const) {
    const { code, stderr } = await classify(...more)
    t.is(code, 1)
    t.regex(stderr, told)
  }
})
