import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ClassifierScore, Prediction } from 'rnnative'
import { makeExamples } from './support.mjs'

test("the recipe of Keras's tutorial runs, in at most 15 lines", (t) => {
  const program = 'examples/classify.mjs'
  const lines = readFileSync(program, 'utf8').trim().split('\n')
  t.true(lines.filter((line) => !line.startsWith('//')).length <= 15)
  const file = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'reviews.csv')
  const rows = makeExamples(150).map(
    ({ text, label }) => `${label as string},"${text as string}"\n`,
  )
  writeFileSync(file, `label,text\n${rows.join('')}`)
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [program, file, 'the cast was brilliant', ''],
    { encoding: 'utf8' },
  )
  t.is(status, 0, stderr)
  const [score, first, second] = stdout.trim().split('\n').slice(-3)
  t.true((JSON.parse(score as string) as ClassifierScore).accuracy > 0.9, score)
  t.is((JSON.parse(first as string) as Prediction).label, 'good')
  t.is((JSON.parse(second as string) as Prediction).probabilities.length, 3)
})

test('the demo of sentiment learns what not means', (t) => {
  const page = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'page.html')
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['examples/sentiment.mjs', '--report', page, 'the book was not bad'],
    { encoding: 'utf8' },
  )
  t.is(status, 0, stderr)
  t.true(Number(/network +([\d.]+) % right/.exec(stdout)?.[1]) > 95, stdout)
  t.regex(stdout, /the book was not bad\n {2}good/)
  t.regex(readFileSync(page, 'utf8'), /Praise or blame/)
})
