import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { LanguageModel } from 'rnnative'
import { makeText } from '../models/language/support.mjs'
import { eventFiles, readEvents, scalars } from '../watch/event-files.mjs'
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

test('lm train writes TensorBoard event files', async (t) => {
  const events = join(directory, 'events')
  const { code, stderr } = await rnnative(
    trainFlags('watched', '--max-steps', 3, '--json', '--tensorboard', events),
  )
  t.is(code, 0, stderr)
  const [file, ...others] = eventFiles(events)
  t.deepEqual(others, [])
  const steps = scalars(readEvents(file as string))['train/loss']?.map(([step]) => step)
  t.deepEqual(steps, [1, 2, 3])
})

for (const [softmax, ...flags] of [
  ['adaptive', '--cutoffs', '4,9', '--divisor', 2],
  ['sampled', '--samples', 6],
])
  test(`lm train: softmax ${softmax}`, async (t) => {
    const train = trainFlags(`${softmax}`, '--max-steps', 3, '--softmax', `${softmax}`, ...flags)
    const { code, stderr } = await rnnative(train)
    t.is(code, 0, stderr)
    const model = join(directory, `${softmax}`)
    const scored = await rnnative(['lm', 'eval', '--model', model, '--text', textFile, '--json'])
    t.is(scored.code, 0, scored.stderr)
    const { perplexity } = JSON.parse(scored.stdout) as { perplexity: number }
    t.true(perplexity > 1 && perplexity < 100, scored.stdout)
    const bad = await rnnative(trainFlags(`bad-${softmax}`, '--softmax', 'full', ...flags))
    t.is(bad.code, 1, bad.stderr)
    t.regex(bad.stderr, /none without/)
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

for (const unit of ['word', 'byte', 'space', 'bpe'])
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
      ...(unit === 'bpe' ? ['--vocabulary', 270] : []),
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
  const again = await rnnative(trainFlags('timed', '--max-steps', steps + 2, '--resume', '--json'))
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

test('recipes by flags alone: SGD with step decay, accumulated; schedules know the end', async (t) => {
  const flags = ['--optimizer', 'sgd', '--momentum', 0.5, '--weight-decay', 0.001, '--json']
  const { code, stderr, lines } = await rnnative([
    ...trainFlags('recipe', '--accumulate', 2, '--epochs', 3, ...flags),
    ...['--activation-penalty', 2, '--temporal-penalty', 1, '--l2', 'weight_hh=1e-4,bias=0'],
    ...['--recurrent-dropout', 0.1, '--weight-drop', 0.2, '--init', 'uniform:0.1'],
    ...['--zoneout', 'hidden=0.1', '--average', 'swa:after=1', '--thresholds', 'f:1,trainable'],
    ...['--schedule', 'step:gamma=0.5,after=1'],
    ...['--groups', 'embedding:frozen;weight_hh_l0[f]:lr=0.1,weightDecay=0'],
  ])
  t.is(code, 0, stderr)
  const perEpoch = lines[0]?.['stepsPerEpoch'] as number
  const rates = lines.slice(1, -1).map(({ learningRate }) => learningRate)
  const penalties = (lines[1]?.['penalties'] ?? {}) as object
  t.deepEqual(Object.keys(penalties), ['activation', 'temporal', 'l2'])
  t.deepEqual([...new Set(rates)], [1, 0.5, 0.25])
  t.is(rates.lastIndexOf(1), perEpoch - 1)
  await using model = await LanguageModel.load(join(directory, 'recipe'))
  const drops = { recurrentDropout: 0.1, weightDrop: 0.2, zoneout: { hidden: 0.1 } }
  const shifts = { thresholds: { f: 1, trainable: true } }
  t.like(model.options, { ...drops, ...shifts, init: { uniform: 0.1 } })

  for (const [schedule, begun] of [
    ['linear', 0.9],
    ['inverse-sqrt', 1],
  ] as const) {
    const run = await rnnative([
      ...trainFlags('end', '--overwrite', '--schedule', schedule, '--max-steps', 10),
      ...['--optimizer', 'sgd', '--json'],
    ])
    const followed = run.lines.slice(1, -1).map(({ learningRate }) => learningRate as number)
    t.is(followed.length, 10)
    t.true(Math.abs((followed[0] as number) - begun) < 1e-9)
  }
})
