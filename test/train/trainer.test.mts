import test from 'ava'
import { data, nn, ops, optim, scope, tensor, Trainer, type Tensor } from 'rnnative'
import { examples, feedOf, held, makeExamples, makeTrainer, settings } from './tagger.mjs'
import { accuracy, Tagger, weightsOf, type Example } from './tagger.mjs'
import { temporaryDirectory } from '../models/language/support.mjs'

const close = (a: readonly number[], b: readonly number[], tolerance = 1e-5): boolean =>
  a.length === b.length && a.every((x, i) => Math.abs(x - (b[i] as number)) <= tolerance)

test('a module of ones own learns, validates and measures', async (t) => {
  using tagger = new Tagger()
  const trainer = makeTrainer(tagger, { validate: feedOf(held), measures: accuracy })
  const before = await trainer.evaluate(feedOf(held))
  const run = trainer.fit({ ...settings, epochs: 12 })
  let last
  for await (const event of run) {
    t.is(event.unit, 'examples')
    t.true((event.measures?.['accuracy'] as number) >= 0)
    last = event
  }
  const { validation, step, epochs, items } = await run
  t.deepEqual([step, epochs, items], [12 * 8, 12, 12 * 60])
  t.true((validation as number) < before.loss / 4)
  const after = await trainer.evaluate(feedOf(held))
  t.is(after.loss, validation as number)
  t.true((after['accuracy'] as number) > 0.95 && (before['accuracy'] as number) < 0.8)
  t.is(last?.validation?.measures?.['accuracy'], after['accuracy'])
  t.false(tagger.training)
})

test('measures add up over the batches of a step, whatever their sizes', async (t) => {
  using tagger = new Tagger()
  const whole = await makeTrainer(tagger, { measures: accuracy }).evaluate(
    feedOf(held, { rows: 20 }),
  )
  const parts = await makeTrainer(tagger, { measures: accuracy }).evaluate(
    feedOf(held, { rows: 3 }),
  )
  t.true(Math.abs(whole.loss - parts.loss) < 1e-6)
  t.is(whole['accuracy'], parts['accuracy'])
  const one = makeTrainer(tagger, { feed: feedOf(held, { rows: 20 }), measures: accuracy })
  const many = makeTrainer(tagger, { feed: feedOf(held, { rows: 3 }), measures: accuracy })
  const idle = { optimizer: optim.sgd({ lr: 0 }) }
  const measured = []
  for await (const { loss, measures } of one.fit(idle))
    measured.push([loss, measures?.['accuracy']])
  for await (const { loss, measures } of many.fit({ ...idle, accumulate: 7 }))
    measured.push([loss, measures?.['accuracy']])
  t.is(measured.length, 2)
  const [[loss, share], [other, same]] = measured as [[number, number], [number, number]]
  t.true(Math.abs(loss - whole.loss) < 1e-6 && Math.abs(other - whole.loss) < 1e-6)
  t.is(share, whole['accuracy'])
  t.is(same, whole['accuracy'])
})

/** Of different lengths, so that a mean of means would be another than the mean. */
const uneven = [1, 2, 3, 4, 9, 9].map((length) => ({
  words: Array.from({ length }, (_, i) => i),
  tags: Array.from({ length }, (_, i) => (length < 3 ? -100 : i % 2)),
}))

for (const counted of ['tensors', 'numbers'])
  test(`accumulated batches equal one of them all: counts are ${counted}`, async (t) => {
    const learn = async (rows: number, accumulate: number) => {
      using tagger = new Tagger()
      const feed = data.batches(uneven, {
        rows,
        collate: (all, padding) => ({
          ...data.collate(all, { ...padding, values: { tags: -100 } }),
          scored: all.reduce((sum, { tags }) => sum + tags.filter((tag) => tag >= 0).length, 0),
        }),
      })
      const trainer = new Trainer({
        module: tagger,
        feed,
        loss: ({ words, tags, lengths, scored }) => {
          const { losses, weights } = ops.crossEntropyLosses(tagger.forward(words, lengths), tags)
          return { sum: ops.sum(losses), count: counted === 'numbers' ? scored : ops.sum(weights) }
        },
      })
      const { loss, step } = await trainer.fit({ ...settings, epochs: 5, accumulate })
      t.is(step, 5)
      return [loss as number, ...(await weightsOf(tagger))]
    }
    const whole = await learn(6, 1)
    for (const [rows, accumulate] of [
      [2, 3],
      [1, 6], // the first two of which count nothing
    ] as const)
      t.true(close(whole, await learn(rows, accumulate), 1e-4))
  })

test('a step whose batches count nothing is refused by name', async (t) => {
  using tagger = new Tagger()
  const trainer = makeTrainer(tagger, {
    loss: ({ words, lengths }) => ({ sum: ops.sum(tagger.forward(words, lengths)), count: 0 }),
  })
  await t.throwsAsync(trainer.fit().then(), {
    ...{ code: 'ERR_ARGUMENT', message: '[fit] loss: count: expected one above 0, got 0' },
  })
})

test('an aborted run goes on bit for bit, from whatever step', async (t) => {
  const checkpoint = temporaryDirectory()
  const make = () => {
    const tagger = new Tagger({ dropout: 0.3 })
    return { tagger, trainer: makeTrainer(tagger, { validate: feedOf(held) }) }
  }
  const options = { ...settings, accumulate: 2, evaluateEvery: 3, epochs: 4 }
  const schedule = optim.schedule.cosine({ warmup: 3 })
  const straight = make()
  const events: (readonly [number, number])[] = []
  for await (const { loss, gradientNorm } of straight.trainer.fit({ ...options, schedule }))
    events.push([loss, gradientNorm])
  const again: (readonly [number, number])[] = []
  for (const stop of [3, 5, 9, Infinity]) {
    const { tagger, trainer } = make()
    const controller = new AbortController()
    const { signal } = controller
    const watch = ({
      step,
      loss,
      gradientNorm,
    }: {
      step: number
      loss: number
      gradientNorm: number
    }) => {
      again[step - 1] = [loss, gradientNorm]
      if (step === stop) controller.abort()
    }
    const run = trainer.fit({ ...options, schedule, checkpoint, resume: true, signal, watch })
    if (stop === Infinity) await run
    else await t.throwsAsync(run.then(), { code: 'ERR_ABORTED' })
    if (stop === Infinity) t.deepEqual(await weightsOf(tagger), await weightsOf(straight.tagger))
    tagger.dispose()
  }
  t.deepEqual(again, events)
  straight.tagger.dispose()
})

test('the best checkpoint is loaded back, with files of ones own; other data is refused', async (t) => {
  const checkpoint = temporaryDirectory()
  using tagger = new Tagger()
  const files = { 'vocabulary.json': ['a', 'b'] }
  const trainer = makeTrainer(tagger, { validate: feedOf(held), files })
  const rising = { optimizer: optim.sgd({ lr: 30 }), evaluateEvery: 1, maxSteps: 6 }
  const { best } = await trainer.fit({ ...rising, checkpoint })
  using other = new Tagger({ seed: 9 })
  const again = makeTrainer(other)
  await again.load(checkpoint)
  t.is((await again.evaluate(feedOf(held))).loss, best?.loss as number)
  await t.throwsAsync(again.load(temporaryDirectory()), { code: 'ERR_IO' })
  const resume = { checkpoint, resume: true }
  const settings = [{ feed: feedOf(examples, { rows: 9 }) }, { feed: feedOf(makeExamples(60, 2)) }]
  for (const [i, name] of ['rows', 'lengths'].entries())
    await t.throwsAsync(
      makeTrainer(tagger, settings[i])
        .fit({ ...rising, ...resume })
        .then(),
      {
        ...{ code: 'ERR_ARGUMENT', message: new RegExp(`^\\[resume\\] ${name}`) },
      },
    )
  await t.throwsAsync(trainer.fit({ ...rising, ...resume, accumulate: 2 }).then(), {
    message: /^\[resume\] accumulate/,
  })
})

test('patience ends a run; a validation may be a function', async (t) => {
  using tagger = new Tagger()
  let calls = 0
  const validate = () => ({ loss: { sum: ++calls, count: 1 }, f1: { sum: 1, count: 2 } })
  const trainer = makeTrainer(tagger, { validate })
  const run = trainer.fit({ ...settings, evaluateEvery: 2, patience: 2 })
  const found = []
  for await (const { validation } of run) if (validation) found.push(validation.measures)
  t.like(await run, { stopped: 'patience', step: 6, best: { step: 2, loss: 1 } })
  t.deepEqual(found, [{ f1: 0.5 }, { f1: 0.5 }, { f1: 0.5 }])
})

test('figures are made of sums and counts', async (t) => {
  using tagger = new Tagger()
  const trainer = makeTrainer(tagger, {
    measures: (batch, logits) => ({
      ...accuracy(batch, logits),
      rows: { sum: batch.tags.shape[1] ?? 0, count: 1 },
    }),
    summary: ({ accuracy, rows }) => ({
      share: (accuracy?.sum ?? 0) / (accuracy?.count ?? 1),
      rows: rows?.sum ?? 0,
    }),
  })
  const { rows, share } = await trainer.evaluate(feedOf(held, { rows: 6 }))
  t.is(rows, 20)
  t.true((share as number) > 0 && (share as number) < 1)
})

test('examples come from an array, an iterable, an async iterable or a function, larger than memory', async (t) => {
  const slowly = {
    async *[Symbol.asyncIterator]() {
      for (const example of examples) {
        await Promise.resolve()
        yield example
      }
    },
  }
  const learn = async (all: data.Examples<Example>, options = {}) => {
    using tagger = new Tagger()
    const feed = feedOf(all, { buffer: 60, ...options })
    const plan: (number | null)[] = []
    const watch = { begin: ({ steps }: { steps: number | null }) => void plan.push(steps) }
    const { step, epochs, loss } = await makeTrainer(tagger, { feed }).fit({ ...settings, watch })
    return { step, epochs, loss, plan }
  }
  const array = await learn(examples)
  t.like(array, { step: 24, epochs: 3, plan: [24] })
  for (const all of [new Set(examples), slowly, () => examples.values()])
    t.deepEqual(await learn(all), { ...array, plan: [null] })
  // 25 at a time: 4, 4 and 2 batches.
  t.like(await learn(slowly, { buffer: 25 }), { step: 30, epochs: 3 })
  await t.throwsAsync(learn(examples.values()), {
    code: 'ERR_EMPTY',
    message: /pass 2: .* function/,
  })
  await t.throwsAsync(
    learn(() => []),
    { code: 'ERR_EMPTY', message: /pass 1/ },
  )
})

test('a run on a source without a known end goes on bit for bit', async (t) => {
  const make = () => {
    const tagger = new Tagger({ dropout: 0.2 })
    return {
      tagger,
      trainer: makeTrainer(tagger, { feed: feedOf(() => examples, { buffer: 25 }) }),
    }
  }
  const straight = make()
  const options = { ...settings, schedule: optim.schedule.linear() }
  const { loss, step } = await straight.trainer.fit(options)
  const checkpoint = temporaryDirectory()
  for (const stop of [4, 10, 17, Infinity]) {
    const { tagger, trainer } = make()
    const run = trainer.fit({
      ...options,
      checkpoint,
      resume: true,
      watch: ({ step }) => {
        if (step === stop) run.abort()
      },
    })
    const result = await run
    if (stop === Infinity) {
      t.like(result, { loss, step })
      t.deepEqual(await weightsOf(tagger), await weightsOf(straight.tagger))
    } else t.true(result.step >= stop && result.step <= stop + 1)
    tagger.dispose()
  }
  straight.tagger.dispose()
})

test('a run that waits for a source that stalls can be stopped', async (t) => {
  using tagger = new Tagger()
  async function* stalling() {
    yield* examples.slice(0, 16)
    run.abort() // the second step is under way
    await new Promise(() => undefined)
  }
  const feed = feedOf(stalling, { buffer: 8 })
  const trainer = makeTrainer(tagger, { feed })
  const checkpoint = temporaryDirectory()
  const run = trainer.fit({ checkpoint })
  const result = await run
  t.like(result, { stopped: 'aborted', step: 2 })
  t.truthy(result.checkpoint)
})

test('state is carried from batch to batch, in passes and checkpoints', async (t) => {
  class Counter extends nn.Module {
    readonly rnn = new nn.GRU({ input: 1, hidden: 4 })
    readonly output = new nn.Linear(4, 1)
  }
  const make = () => {
    const module = new Counter().reset(2)
    const seen: number[] = []
    const task = {
      module,
      feed: data.batches(
        Array.from({ length: 12 }, () => ({ x: new Float32Array(3).fill(1) })),
        { rows: 2 },
      ),
      loss: ({ x }: { x: Tensor }, carried: { h: Tensor } | null) => {
        const [steps, rows] = x.shape as [number, number]
        const { output, state } = module.rnn.forward(ops.reshape(x, [steps, rows, 1]), {
          state: carried,
        })
        seen.push(carried ? 1 : 0)
        const y = module.output.forward(output)
        return { sum: ops.sum(ops.square(y)), count: y.size, carry: { h: state.h.detach() } }
      },
      carried: (rows: number) => ({ h: tensor(new Float32Array(4 * rows), [1, rows, 4]) }),
    }
    return { module, trainer: new Trainer(task), seen }
  }
  const straight = make()
  const { loss } = await straight.trainer.fit({ epochs: 2 })
  t.deepEqual(straight.seen, new Array(12).fill(1))
  const checkpoint = temporaryDirectory()
  for (const maxSteps of [4, 8, 12]) {
    const { module, trainer } = make()
    const result = await trainer.fit({ maxSteps, checkpoint, resume: true })
    if (maxSteps === 12) t.is(result.loss, loss)
    module.dispose()
  }
  straight.module.dispose()
})

test('errors name what is wrong', async (t) => {
  using tagger = new Tagger()
  const feed = feedOf(examples)
  const loss = () => ({ sum: tensor([1]), count: 1 })
  const wrong: [RegExp, unknown][] = [
    [/^\[trainer\] module/, { module: {}, feed, loss }],
    [/^\[trainer\] feed/, { module: tagger, feed: examples, loss }],
    [/^\[trainer\] loss/, { module: tagger, feed }],
    [/^\[trainer\] validate/, { module: tagger, feed, loss, validate: examples }],
    [/^\[trainer\] seed/, { module: tagger, feed, loss, seed: -1 }],
  ]
  for (const [message, options] of wrong)
    t.throws(() => new Trainer(options as never), { code: 'ERR_ARGUMENT', message })
  const results: [RegExp, object][] = [
    [/^\[fit\] loss: sum/, { sum: 3, count: 1 }],
    [/^\[fit\] loss: count/, { sum: tensor([1]), count: NaN }],
    [/^\[fit\] loss: count/, { sum: tensor([1]), count: tensor(Int32Array.of(1)) }],
    [/^\[fit\] loss: sum: depends on no parameter/, { sum: tensor([1]), count: 1 }],
  ]
  for (const [message, result] of results)
    await t.throwsAsync(
      makeTrainer(tagger, { loss: () => result as never })
        .fit()
        .then(),
      { message },
    )
  await t.throwsAsync(makeTrainer(tagger).fit({ accumulate: 0 }).then(), { message: /accumulate/ })
  await t.throwsAsync(makeTrainer(tagger).fit({ patience: 1 }).then(), { message: /patience/ })
  const trainer = makeTrainer(tagger)
  const first = trainer.fit({ maxSteps: 2 })
  await t.throwsAsync(trainer.fit().then(), { code: 'ERR_BUSY' })
  await first
  scope(() => undefined)
})
