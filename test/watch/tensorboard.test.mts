import test from 'ava'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import Module from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watch, type TrainingEvent } from 'rnnative'
import { fitOptions, makeModel, text } from '../models/language/support.mjs'
import { eventFiles, readEvents, scalars, texts } from './event-files.mjs'
import { event, plan, result, Screen } from './support.mjs'

const temporary = () => mkdtempSync(join(tmpdir(), 'rnnative-watch-'))
const readAll = (directory: string) => eventFiles(directory).flatMap(readEvents)
const float = Math.fround

test('scalars of every step and validation, texts of any size and letters', async (t) => {
  const directory = join(temporary(), 'deep', 'er')
  const board = watch.tensorboard(directory)
  board.text('note', 'before', 0)
  board.begin(plan())
  board.event(event(1, { measures: { accuracy: 0.25 } }))
  const long = 'Ahab ⚓ 鯨\n'.repeat(2000)
  board.text('sample', long)
  const validation = { loss: 1.25, measures: { f1: 0.5 }, best: true, seconds: 1 }
  board.event(event(2 ** 40, { loss: 0, validation }))
  board.text('sample', '', 7)
  await board.end({ result })
  board.text('note', 'after')
  await board.end({ result })

  const files = eventFiles(directory).map(readEvents)
  t.deepEqual(
    files.map(([first]) => [first?.step, first?.file_version]),
    [
      ...[
        [0, 'brain.Event:2'],
        [0, 'brain.Event:2'],
      ],
    ],
  )
  t.like(files[1]?.[1], { step: 1, session_log: { status: 'START' } })
  const all = files.flat()
  for (const { wall_time: time } of all) t.true(Math.abs(time - Date.now() / 1000) < 60)
  const far = 2 ** 40
  t.deepEqual(scalars(all), {
    'train/accuracy': [[1, 0.25]],
    'train/loss': [
      [1, 3],
      [far, 0],
    ],
    'train/gradient_norm': [
      [1, 0.5],
      [far, 0.5],
    ],
    'train/learning_rate': [
      [1, float(0.01)],
      [far, float(0.01)],
    ],
    'train/items_per_second': [
      [1, 258600],
      [far, 258600],
    ],
    'validation/f1': [[far, 0.5]],
    'validation/loss': [[far, 1.25]],
  })
  t.deepEqual(texts(all), {
    note: [
      [0, 'before'],
      [far, 'after'],
    ],
    sample: [
      [1, long],
      [7, ''],
    ],
  })
  const value = all.flatMap(({ summary }) => summary?.value ?? []).find(({ tensor }) => tensor)
  t.like(value, {
    metadata: { plugin_data: { plugin_name: 'text' }, data_class: 'DATA_CLASS_TENSOR' },
  })
  t.is(value?.tensor?.dtype, 'DT_STRING')
  t.deepEqual(value?.tensor?.tensor_shape.dim, [{ size: 1 }])
})

test('what has been told is in the file while the run goes on', async (t) => {
  const directory = temporary()
  const board = watch.tensorboard(directory)
  board.begin(plan())
  for (let step = 1; step <= 3; ++step) {
    board.event(event(step))
    for (let tries = 0; tries < 500; ++tries) {
      if (scalars(readAll(directory))['train/loss']?.length === step) break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    t.is(scalars(readAll(directory))['train/loss']?.length, step)
  }
  await board.end({ error: new Error('no more') })
})

/** Two runs of a model in one directory, the second resumed, and what their events were. */
async function trainTwice(directory: string): Promise<TrainingEvent[]> {
  await using model = makeModel()
  const checkpoint = temporary()
  const events: TrainingEvent[] = []
  const board = watch.tensorboard(directory)
  const screens = [new Screen(80), new Screen(), new Screen()] as const
  const watchers = [
    watch.bar({ stream: screens[0].stream }),
    board,
    watch.lines({ stream: screens[1].stream }),
    (one: TrainingEvent) => void events.push(one),
    watch.json({ stream: screens[2].stream }),
    (one: TrainingEvent) => {
      if (one.validation) board.text('sample', `step ${one.step} of *${text.slice(0, 20)}*`)
    },
  ]
  const options = { ...fitOptions(), checkpoint, watch: watchers }
  await model.fit(text, { ...options, maxSteps: 5, evaluateEvery: 2 })
  // As after a kill: steps that the checkpoint knows nothing of, which the resumed run makes again.
  board.event(event(6, { loss: 99 }))
  await board.end({ result })
  await model.fit(text, { ...options, maxSteps: 9, evaluateEvery: 4, resume: true })
  for (const screen of screens) if (!screen.text.includes('9')) throw new Error('nothing was shown')
  return events
}

test('a resumed run adds a file; several watchers at once see the same', async (t) => {
  const directory = temporary()
  const events = await trainTwice(directory)
  const [first, second, ...rest] = eventFiles(directory)
  t.is(rest.length, 0)
  const steps = (path: string | undefined) =>
    scalars(readEvents(path as string))['train/loss']?.map(([step]) => step)
  t.deepEqual(
    [steps(first), steps(second)],
    [
      [1, 2, 3, 4, 5, 6],
      [6, 7, 8, 9],
    ],
  )
  t.like(readEvents(second as string)[1], { step: 6, session_log: { status: 'START' } })
  const losses = scalars(readAll(directory))['train/loss']?.filter(([, loss]) => loss !== 99)
  t.deepEqual(
    losses,
    events.map(({ step, loss }) => [step, float(loss)]),
  )
  t.is(events.at(-1)?.step, 9)
})

const python = process.env['RNNATIVE_TENSORBOARD_PYTHON']
const withPython = python === undefined ? test.skip : test
withPython(
  'TensorBoard reads it (RNNATIVE_TENSORBOARD_PYTHON names a python with it)',
  async (t) => {
    const directory = temporary()
    const events = await trainTwice(directory)
    const output = execFileSync(python as string, ['test/watch/read_tensorboard.py', directory])
    const read = JSON.parse(output.toString()) as {
      scalars: Record<string, [number, number][]>
      texts: Record<string, [number, string][]>
    }
    const expected = (pick: (one: TrainingEvent) => number | undefined) =>
      events.flatMap((one) => {
        const value = pick(one)
        return value === undefined ? [] : [[one.step, float(value)]]
      })
    t.deepEqual(read.scalars, {
      'train/loss': expected(({ loss }) => loss),
      'train/gradient_norm': expected(({ gradientNorm }) => gradientNorm),
      'train/learning_rate': expected(({ learningRate }) => learningRate),
      'train/items_per_second': expected(({ itemsPerSecond }) => itemsPerSecond),
      'validation/loss': expected(({ validation }) => validation?.loss),
    })
    const validated = events.filter(({ validation }) => validation).map(({ step }) => step)
    t.deepEqual(
      read.texts['sample'],
      validated.map((step) => [step, `step ${step} of *${text.slice(0, 20)}*`]),
    )
  },
)

/** The warnings of this process that `body` causes. */
async function warnings(body: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = []
  const listen = ({ message }: Error) => void heard.push(message)
  process.on('warning', listen)
  await body()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return heard.filter((message) => message.startsWith('[fit] watch'))
}

test.serial('a disk that fails is told of once, and the run goes on', async (t) => {
  await using model = makeModel()
  const directory = temporary()
  const board = watch.tensorboard(directory)
  const seen: number[] = []
  const look = ({ step }: TrainingEvent) => {
    // The directory goes away beneath it; texts are no reason to stop a loop either.
    if (step === 2) rmSync(directory, { recursive: true })
    board.text('sample', 'x')
    seen.push(step)
  }
  const told = await warnings(async () => {
    await model.fit(text, { ...fitOptions(), maxSteps: 20, watch: [board, look] })
  })
  t.is(seen.length, 20)
  t.is(told.length, 1)
  t.regex(told[0] ?? '', /\[tensorboard\] .*tfevents.*no such file/)
})

test('a directory that cannot be written in is an error before the run', (t) => {
  const file = join(temporary(), 'file')
  writeFileSync(file, '')
  for (const directory of [file, join(file, 'below'), '/sys/rnnative'])
    t.throws(() => watch.tensorboard(directory), { code: 'ERR_IO', message: /\[tensorboard\] \// })
  t.throws(() => watch.tensorboard(7 as unknown as string), { code: 'ERR_ARGUMENT' })
  const sealed = temporary()
  chmodSync(sealed, 0o500)
  // Root may write anywhere.
  if (process.getuid?.() === 0) t.pass()
  else t.throws(() => watch.tensorboard(sealed), { code: 'ERR_IO' })
  const board = watch.tensorboard(temporary())
  t.throws(() => board.text('', 'x'), { code: 'ERR_ARGUMENT', message: /\[tensorboard\] tag/ })
  t.throws(() => board.text('x', 'x', 0.5), { code: 'ERR_ARGUMENT', message: /step/ })
})

test.serial('a package that is not installed is named', (t) => {
  const loader = Module as unknown as { _load(name: string, ...rest: unknown[]): unknown }
  const load = loader._load
  for (const missing of ['protobufjs/light', '@node-rs/crc32']) {
    loader._load = function (name, ...rest) {
      if (name === missing) throw new Error(`Cannot find module '${name}'`)
      return load.call(this, name, ...rest)
    }
    try {
      t.throws(() => watch.tensorboard(temporary()), {
        code: 'ERR_ARGUMENT',
        message: /npm install protobufjs @node-rs\/crc32/,
      })
    } finally {
      loader._load = load
    }
  }
})
