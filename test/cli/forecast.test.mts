import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeRows } from '../models/forecaster/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = join(directory, 'series.csv')
const csv = (rows: readonly Record<string, string | number>[]) =>
  [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
    .map((line) => `${line.join(',')}\n`)
    .join('')
const rows = ['n', 's'].flatMap((place) =>
  makeRows(80).map((row) => ({ ...row, place, kind: place === 'n' ? 'up' : 'down' })),
)
writeFileSync(file, csv(rows))

const train = (checkpoint: string, ...more: (string | number)[]) => [
  ...[
    'forecast',
    'train',
    '--data',
    file,
    '--time',
    'date',
    '--target',
    'y,z',
    '--series',
    'place',
  ],
  ...['--context', 14, '--horizon', 7, '--hidden', 8, '--valid-share', 0.2, '--test-share', 0.2],
  ...['--checkpoint', join(directory, checkpoint), ...more],
]

test('forecast train, eval and predict work together', async (t) => {
  const flags = ['--epochs', 2, '--categories', 'kind', '--patience', 5, '--json']
  const trained = await rnnative(train('direct', ...flags))
  t.is(trained.code, 0, trained.stderr)
  t.like(trained.lines.at(-1), { event: 'end', stopped: 'epochs', epochs: 2 })
  const model = ['--model', join(directory, 'direct'), '--data', file]

  const scored = await rnnative(['forecast', 'eval', ...model, '--json'])
  t.is(scored.code, 0, scored.stderr)
  const [score] = scored.lines
  for (const name of ['mse', 'mae', 'rmse', 'mape', 'smape', 'mase', 'windows'])
    t.is(typeof score?.[name], 'number', name)
  t.deepEqual(Object.keys(score?.['naive'] as object), [
    'mse',
    'mae',
    'rmse',
    'mape',
    'smape',
    'mase',
  ])
  t.is(score?.['windows'], 2 * 10)
  const some = await rnnative(['forecast', 'eval', ...model, '--windows', 2])
  t.regex(some.stdout, /windows +4\n/)
  t.regex(some.stdout, /seasonal naive +mae/)

  const plot = join(directory, 'plot.html')
  const made = await rnnative(['forecast', 'predict', ...model, '--plot', plot])
  t.is(made.code, 0, made.stderr)
  const lines = made.stdout.trim().split('\n')
  t.is(lines.length, 1 + 2 * 7)
  t.is(lines[0], 'series,time,y,z')
  t.regex(lines[1] ?? '', /^n,2020-03-21,/)
  t.is(readFileSync(plot, 'utf8').match(/<svg/g)?.length, 4)
  const one = await rnnative(['forecast', 'predict', ...model, '--json'])
  t.deepEqual(
    one.lines.map(({ series }) => series),
    ['n', 's'],
  )
})

test('forecast train resumes, and deepar tells quantiles', async (t) => {
  const flags = ['--model', 'deepar', '--distribution', 'student-t', '--json']
  const whole = await rnnative(train('whole', ...flags, '--max-steps', 6))
  t.is(whole.code, 0, whole.stderr)
  await rnnative(train('parts', ...flags, '--max-steps', 3))
  const resumed = await rnnative(train('parts', ...flags, '--max-steps', 6, '--resume'))
  t.is(resumed.lines.at(-2)?.['loss'], whole.lines.at(-2)?.['loss'])
  const model = ['--model', join(directory, 'parts'), '--data', file]
  const made = await rnnative([
    'forecast',
    'predict',
    ...model,
    '--samples',
    5,
    '--quantiles',
    '0.2,0.8',
  ])
  t.is(made.stdout.split('\n')[0], 'series,time,y,y 0.2,y 0.8,z,z 0.2,z 0.8', made.stderr)
})

test('what is wrong is one line', async (t) => {
  const broken = join(directory, 'broken.csv')
  writeFileSync(broken, 'date,y\n2020-01-01,1\n2020-01-02,2\n2020-01-04,3\n')
  const flags = ['--time', 'date', '--target', 'y', '--context', 1, '--horizon', 1]
  const run = (...more: string[]) =>
    rnnative([
      'forecast',
      'train',
      '--data',
      broken,
      ...flags,
      '--checkpoint',
      join(directory, 'no'),
      ...more,
    ])
  const { code, stderr } = await run()
  t.is(code, 1)
  t.regex(
    stderr,
    /^error: \[series\] line 4: expected the next day after 2020-01-02, got 2020-01-04: .*\n$/,
  )
  t.is((await run('--fill', '--max-steps', '1')).code, 0)
  t.is((await rnnative(['forecast', 'train'])).code, 2)
  t.is((await run('--patience', '2')).code, 1)
})
