import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { LanguageModel, Tokenizer } from 'rnnative'
import { makeExamples } from '../models/classifier/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}
const examples = makeExamples(120)
const rows = examples.map(({ text, label }) => `${label as string},${text as string}\n`).join('')
const data = file('reviews.csv', `mark,review\n${rows}`)
const columns = ['--data', data, '--text-column', 'review', '--label-column', 'mark']

const trainFlags = (checkpoint: string, ...more: (string | number)[]) => [
  ...['classify', 'train', ...columns, '--unit', 'space', '--hidden', 10, '--embedding', 8],
  ...['--learning-rate', 0.02, '--checkpoint', join(directory, checkpoint), ...more],
]

test('train, eval and predict', async (t) => {
  const more = ['--pooling', 'attention,max', '--epochs', 12, '--validation-split', 0.2]
  const trained = await rnnative(trainFlags('model', ...more, '--class-weights', 'bad=2', '--json'))
  t.is(trained.code, 0, trained.stderr)
  const [start, ...events] = trained.lines
  t.like(start, { event: 'start', examples: 96, labels: 3 })
  const validations = events.filter(({ validation }) => typeof validation === 'object')
  t.is(validations.length, 12)

  const model = ['--model', join(directory, 'model')]
  const scored = await rnnative(['classify', 'eval', ...model, ...columns, '--json'])
  t.is(scored.code, 0, scored.stderr)
  const [score = {}] = scored.lines
  for (const name of ['accuracy', 'macroF1', 'weightedF1', 'loss', 'perClass', 'confusion'])
    t.true(name in score, name)
  t.true((score['accuracy'] as number) > 0.8)
  const page = join(directory, 'report.html')
  const table = await rnnative(['classify', 'eval', ...model, ...columns, '--report', page])
  const html = readFileSync(page, 'utf8')
  t.regex(html, /macro F1[^]*<h2>Confusion<\/h2>/)
  if ((score['accuracy'] as number) < 1) t.regex(html, /<h2>Worst errors<\/h2>[^]*<span style/)
  t.regex(table.stdout, /accuracy[^]*macro F1[^]*fair: precision 0\.\d+|1\./)

  const input = 'the film was great\n\nthe cast was a bore\n'
  const plain = await rnnative(['classify', 'predict', ...model], { input })
  t.is(plain.code, 0, plain.stderr)
  const [first, , third, ...rest] = plain.stdout.split('\n')
  t.deepEqual([first, third, rest], ['good', 'bad', ['']])
  const top = await rnnative(['classify', 'predict', ...model, '--top', 2], { input })
  t.regex(top.stdout, /^good\t0\.\d{6}\t\w+\t0\.\d{6}\n/)
  const { lines } = await rnnative(['classify', 'predict', ...model, '--json'], { input })
  t.is(lines.length, 3)
  t.like(lines[0], { label: 'good', attention: { tokens: ['the', 'film', 'was', 'great'] } })
  const document = await rnnative(
    ['classify', 'predict', ...model, '--document', 'weighted', '--json'],
    { input: 'The film was great. The cast was a bore! The film was a joy.\n' },
  )
  t.is((document.lines[0]?.['sentences'] as unknown[]).length, 3, document.stderr)
})

test('a run resumes; fields, labels in order, one direction', async (t) => {
  const scores = examples.map(({ text, label }) => ({
    title: 'a review',
    review: text,
    mark: { bad: 1, fair: 2, good: 3 }[label as 'bad'],
  }))
  const jsonl = file('reviews.jsonl', scores.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const flags = (...more: (string | number)[]) =>
    trainFlags('ordinal', '--data', jsonl, '--text-column', 'title,review', ...more)
  const options = ['--task', 'ordinal', '--no-bidirectional', '--self-attention', '--json']
  const begun = await rnnative(flags(...options, '--max-steps', 3))
  t.is(begun.code, 0, begun.stderr)
  const resumed = await rnnative(flags(...options, '--max-steps', 40, '--resume'))
  t.is(resumed.code, 0, resumed.stderr)
  t.is(resumed.lines[1]?.['step'], 4)
  const model = join(directory, 'ordinal')
  const made = await rnnative(['classify', 'predict', '--model', model], {
    input: 'a review\tthe film was lovely\nno field\n',
  })
  t.regex(made.stdout, /^3\n[123]\n$/)
})

test('begins with vectors, or with a language model', async (t) => {
  const vectors = file('vectors.txt', 'great 1 2 3\nawful -1 -2 -3\n')
  const one = ['--epochs', 1, '--json']
  const begun = await rnnative(trainFlags('vectors', '--vectors', vectors, ...one))
  t.is(begun.code, 0, begun.stderr)
  const tokenizer = Tokenizer.spaces(examples.map(({ text }) => text as string))
  await using lm = new LanguageModel({ tokenizer, layers: 1, hidden: 10, embedding: 8, seed: 1 })
  await lm.save(join(directory, 'lm'))
  const pretrained = ['--pretrained', join(directory, 'lm')]
  const second = await rnnative(trainFlags('pretrained', ...pretrained, ...one))
  t.is(second.code, 0, second.stderr)
  const both = await rnnative(trainFlags('both', ...pretrained, '--vectors', vectors))
  t.is(both.code, 1)
  t.regex(both.stderr, /--vectors/)
})

test('wrong flags and data are told in a line', async (t) => {
  for (const [flags, told] of [
    [['--pooling', 'middle'], /pooling/],
    [['--text-column', 'body'], /body/],
    [['--patience', 3], /--patience/],
    [['--labels', 'good,good'], /labels/],
  ] as const) {
    const { code, stderr } = await rnnative(trainFlags('wrong', ...flags))
    t.not(code, 0)
    t.regex(stderr, told)
    t.is(
      stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('note')).length,
      1,
      stderr,
    )
  }
})
