import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { Seq2Seq } from 'rnnative'
import { makePairs } from '../models/seq2seq/pairs.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, lines: readonly string[]): string => {
  const path = join(directory, name)
  const text = lines.map((line) => `${line}\n`).join('')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}
const pairs = makePairs(300)
const spaced = (text: string) => [...text].join(' ')
const source = file(
  'source.gz',
  pairs.map(([one]) => one),
)
const target = file(
  'target',
  pairs.map(([, one]) => `${spaced(one)}\tz`),
)

const trainFlags = (checkpoint: string, ...more: (string | number)[]) => [
  ...['seq2seq', 'train', '--source', source, '--target', target, '--source-unit', 'char'],
  ...['--unit', 'space', '--cell', 'gru', '--hidden', 24, '--bidirectional', '--batch-tokens', 200],
  ...['--learning-rate', 0.01, '--checkpoint', join(directory, checkpoint), ...more],
]

test.serial('train, translate, eval and score', async (t) => {
  const valid = ['--valid-source', source, '--valid-target', target]
  const trained = await rnnative(trainFlags('runs', '--epochs', 12, '--json', ...valid))
  t.is(trained.code, 0, trained.stderr)
  const [start, ...rest] = trained.lines
  t.is(start?.['pairs'], 300)
  t.is(rest.length, 12 * (start?.['stepsPerEpoch'] as number) + 1)
  t.is(rest.at(-1)?.['event'], 'end')

  const model = ['--model', join(directory, 'runs')]
  const plot = join(directory, 'attention.html')
  const translated = await rnnative(
    ['seq2seq', 'translate', ...model, '--beam', 2, '--attention-plot', plot],
    { input: 'abc\n\nfed' },
  )
  t.is(translated.code, 0, translated.stderr)
  t.is(translated.stdout.split('\n').length, 4)
  t.is(translated.stdout.split('\n')[0], 'c b a')
  t.regex(readFileSync(plot, 'utf8'), /<svg/)

  const both = `${join(directory, 'runs')},${join(directory, 'runs')}`
  const best = await rnnative(['seq2seq', 'translate', '--model', both, '--n-best', 2], {
    input: 'abc\n',
  })
  t.regex(best.stdout, /^1\t-?[\d.]+\tc b a\n1\t-[\d.]+\t.*\n$/)

  const drawn = ['seq2seq', 'translate', ...model, '--sample', '--seed', 3, '--temperature', 0.5]
  const samples = await Promise.all([1, 2].map(() => rnnative(drawn, { input: 'abcd\nbad\n' })))
  t.is(samples[0]?.stdout, samples[1]?.stdout)

  // Whenever the lines come, as they come: another's samples are never theirs.
  const one = await rnnative(drawn, { input: 'abcd\n' })
  const slow = await rnnative(drawn, { pieces: ['abcd\n', 'bad\n'] })
  t.is(slow.stdout, samples[0]?.stdout)
  t.true(samples[0]?.stdout.startsWith(one.stdout))
  // Lines end as those of files do.
  const odd = await rnnative(['seq2seq', 'translate', ...model], {
    input: '\ufeffabc\r\na\u2028b\rc\nfed',
  })
  t.is(odd.stdout.split('\n').length, 4)
  t.is(odd.stdout.split('\n')[0], 'c b a')

  const int8 = await rnnative(['seq2seq', 'translate', ...model, '--precision', 'int8'], {
    input: 'abc\nfed\n',
  })
  t.deepEqual([int8.code, int8.stdout], [0, 'c b a\nd e f\n'], int8.stderr)

  const files = ['--source', source, '--target', target]
  const scores: Record<string, number> = {}
  for (const metric of ['bleu', 'chrf', 'ter', 'per', 'exact']) {
    const flags = ['--metric', metric, '--beam', 1, '--json']
    const { lines, code } = await rnnative(['seq2seq', 'eval', ...model, ...files, ...flags])
    t.is(code, 0)
    t.is(lines[0]?.['metric'], metric)
    scores[metric] = lines[0]?.['score'] as number
  }
  t.true((scores['exact'] as number) > 80, JSON.stringify(scores))
  t.true((scores['per'] as number) < 20)
  const table = await rnnative(['seq2seq', 'eval', ...model, ...files, '--metric', 'exact'])
  t.regex(table.stdout, /exact +\d/)

  const scored = await rnnative(['seq2seq', 'score', ...model, ...files, '--json'])
  t.is(scored.lines.length, 600)
  t.true((scored.lines[0]?.['logProbability'] as number) < 0)
  const lines = (await rnnative(['seq2seq', 'score', ...model, ...files])).stdout.trim().split('\n')
  t.is(lines.length, 600)
})

test.serial('resumes; says what is wrong', async (t) => {
  for (const epochs of [1, 2]) {
    const flags = trainFlags('again', '--epochs', epochs, '--resume', '--json')
    const { code, lines, stderr } = await rnnative(flags)
    t.is(code, 0)
    t.is(lines.at(-1)?.['epochs'], epochs)
    t.is(stderr, epochs === 1 ? '' : 'note: resumed with epochs 2, formerly 1\n')
  }
  const fails = async (args: readonly (string | number)[], code: number, message: RegExp) => {
    const outcome = await rnnative(args, { input: '' })
    t.is(outcome.code, code, outcome.stderr)
    t.regex(outcome.stderr, message)
    const problems = outcome.stderr.split('\n').filter((line) => line && !/^note: /.test(line))
    t.is(problems.length, 1)
  }
  await fails(trainFlags('again', '--hidden', 9, '--resume'), 1, /^error: \[resume\] hidden: /m)
  await fails(trainFlags('x', '--attention', 'hard'), 2, /--attention/)
  await fails(trainFlags('x', '--valid-source', source), 1, /go together/)
  await fails(trainFlags('x', '--schedule', 'plateau'), 1, /--valid-source/)
  await fails(trainFlags('x', '--tie-embeddings', 'all'), 1, /one unit/)
  await fails(trainFlags('x', '--target', file('short', ['a'])), 1, /300 lines/)
  await fails(['seq2seq', 'translate', '--model', join(directory, 'none')], 1, /no such directory/)
  const model = ['--model', join(directory, 'again')]
  const plotted = ['--sample', '--attention-plot', 'x.svg']
  await fails(['seq2seq', 'translate', ...model, ...plotted], 2, /--attention-plot/)
  await fails(['seq2seq', 'translate', ...model, '--sample', '--beam', 2], 2, /--beam/)
  await fails(['seq2seq', 'translate', ...model, '--top-k', 2], 1, /--top-k: only together/)
  const empty = ['--attention-plot', join(directory, 'x.svg')]
  await fails(['seq2seq', 'translate', ...model, ...empty], 1, /--attention-plot: expected a line/)
  // An error ends the command though its input goes on.
  const wrong = ['seq2seq', 'translate', ...model, '--n-best', 9, '--beam', 5]
  const { code, stderr } = await rnnative(wrong, { pieces: ['a\n'], open: true })
  t.is(code, 1)
  t.regex(stderr, /nBest/)
  await fails(['seq2seq', 'eval', ...model, '--source', source], 2, /--target/)
})

test.serial('every option of a network and of its training has a flag', async (t) => {
  const { code, stderr, stdout } = await rnnative([
    ...trainFlags('options', '--max-steps', 2, '--json', '--attention', 'none', '--feed-summary'),
    ...['--encoder-layers', 2, '--encoder-hidden', 5, '--bridge', 'dense', '--max-length', 40],
    ...['--attention-size', 7, '--scheduled-sampling', 'linear:steps=3,min=0.5'],
    ...['--init', 'orthogonal'],
  ])
  t.is(code, 0, stderr)
  t.regex(stdout, /"step":2/)
  await using model = await Seq2Seq.load(join(directory, 'options'))
  t.like(model.options, {
    ...{ bridge: 'dense', attention: 'none', attentionSize: 7, feedSummary: true },
    ...{ init: 'orthogonal', encoder: { layers: 2, hidden: 5, bidirectional: true } },
  })
  const state = readFileSync(join(directory, 'options', 'step-2', 'state.json'), 'utf8')
  t.like((JSON.parse(state) as { identity: object }).identity, {
    scheduledSampling: { name: 'linear', options: { steps: 3, min: 0.5 } },
  })
})
