import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
test.after.always(() => rmSync(directory, { recursive: true, force: true }))
const file = join(directory, 'train.jsonl')
const row = (i: number) => ({
  source: ['It is known.', `We propose rule ${i}.`, 'Results are good.'],
  target: [`propose rule ${i}`, 'a rule'],
})
writeFileSync(file, Array.from({ length: 12 }, (_, i) => JSON.stringify(row(i))).join('\n'))
const columns = ['--text-column', 'source', '--summary-column', 'target']

test('summarize, summarize train and eval work together', async (t) => {
  const text = 'Rain fell. Rain filled river streets. The river streets were closed.\n\nOne.\n'
  const plain = await rnnative(['summarize', '--method', 'textrank'], { input: text })
  t.is(plain.stdout, 'Rain filled river streets.\n\nOne.\n')
  const lead = await rnnative(['summarize', '--method', 'lead', '--sentences', 2, '--json'], {
    input: text,
  })
  t.is(lead.lines.length, 3)
  t.is((lead.lines[0]?.['sentences'] as unknown[]).length, 2)

  const model = join(directory, 'model')
  const trained = await rnnative([
    ...['summarize', 'train', '--data', file, ...columns, '--valid', file, '--min-count', 1],
    ...['--hidden', 6, '--embedding', 6, '--learning-rate', 0.05, '--epochs', 8, '--json'],
    ...['--checkpoint', model],
  ])
  t.is(trained.code, 0, trained.stderr)
  t.like(trained.lines.at(-1), { event: 'end', stopped: 'epochs' })
  const scored = await rnnative([
    ...['summarize', 'eval', '--method', model, '--data', file, ...columns, '--json', '--stem'],
  ])
  t.is(scored.code, 0, scored.stderr)
  t.is((scored.lines[0]?.['rouge1'] as { recall: number }).recall, 100)
  const table = await rnnative([
    'summarize',
    'eval',
    '--method',
    'lead',
    '--data',
    file,
    ...columns,
  ])
  t.regex(table.stdout, /rouge1 +0\.00/)
  const own = await rnnative(['summarize', '--method', model, '--text-column', 'source'], {
    input: `${JSON.stringify(row(3))}\n${JSON.stringify({ source: 'A text. We propose rule 1.' })}\n`,
  })
  t.is(own.stdout, 'We propose rule 3.\nWe propose rule 1.\n', own.stderr)
  const bad = await rnnative(['summarize', '--method', 'lead', '--text-column', 'source'], {
    input: '{"source":["a"]}\n{"text":"a"}\n',
  })
  t.regex(bad.stderr, /line 2: source/)
  t.is(bad.code, 1)
})

test('summarize pointer learns to write; summarize and eval take what it saved', async (t) => {
  const model = join(directory, 'pointer')
  const trained = await rnnative([
    ...['summarize', 'pointer', '--data', file, ...columns, '--valid', file, '--min-count', 2],
    ...['--hidden', 8, '--lower-case', '--coverage', 0.5, '--epochs', 2, '--batch-tokens', 60],
    ...['--json', '--checkpoint', model],
  ])
  t.is(trained.code, 0, trained.stderr)
  t.like(trained.lines.at(-1), { event: 'end', stopped: 'epochs' })
  const input = 'It is known. We propose rule 77.\n'
  const made = await rnnative(
    ['summarize', '--method', model, '--beam', 2, '--max-length', 3, '--json'],
    { input },
  )
  t.is(made.code, 0, made.stderr)
  t.is(typeof made.lines[0]?.['summary'], 'string')
  const scored = await rnnative([
    ...['summarize', 'eval', '--method', model, '--data', file, ...columns, '--json'],
  ])
  t.is(scored.code, 0, scored.stderr)
  const wrong = async (args: (string | number)[], message: RegExp) => {
    const { code, stderr } = await rnnative(['summarize', ...args], { input })
    t.is(code, 1)
    t.regex(stderr, message)
  }
  await wrong(['--method', model, '--sentences', 2], /--sentences: .* writes summaries/)
  await wrong(['--method', 'lead', '--beam', 2], /--beam: lead chooses sentences/)
})
