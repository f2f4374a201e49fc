import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LanguageModel, optim, setThreads, type LanguageFitOptions } from 'rnnative'
import {
  fitOptions,
  largestDifference,
  makeModel,
  temporaryDirectory,
  text,
  weightsOf,
} from '../models/language/support.mjs'

const dropout = { dropout: 0.2, weightDrop: 0.3 }

for (const accumulate of [2, 4, 6])
  test(`${accumulate} micro-batches equal the whole batch, dropout included`, async (t) => {
    const options = { ...fitOptions(), optimizer: optim.sgd({ lr: 0.5 }), maxSteps: 8 }
    await using whole = makeModel(dropout)
    await using parts = makeModel(dropout)
    const a = await whole.fit(text, options)
    const b = await parts.fit(text, { ...options, accumulate })
    t.true(Math.abs((a.loss as number) - (b.loss as number)) < 1e-5)
    t.true(largestDifference(await weightsOf(whole), await weightsOf(parts)) < 1e-5)
  })

for (const threads of [1, 2])
  test.serial(
    `resumed training equals uninterrupted training bit for bit, ${threads} threads`,
    async (t) => {
      setThreads(threads)
      const checkpoint = temporaryDirectory()
      const options = { ...fitOptions(), epochs: 2 }
      await using straight = makeModel(dropout)
      const result = await straight.fit(text, options)

      // Interrupted in the middle of a pass, after a pass, and by a signal.
      for (const maxSteps of [7, 30, result.step / 2, result.step / 2 + 5]) {
        await using model = makeModel({ ...dropout, seed: 3 })
        await model.fit(text, { ...options, checkpoint, resume: true, maxSteps })
      }
      await using resumed = makeModel({ ...dropout, seed: 99 }) // all that matters is in the checkpoint
      const end = await resumed.fit(text, { ...options, checkpoint, resume: true })
      t.is(end.step, result.step)
      t.is(end.loss, result.loss)
      t.is(end.validation, result.validation)
      t.deepEqual(await weightsOf(resumed), await weightsOf(straight))
    },
  )

test.serial('threads do not change results', async (t) => {
  const weights = []
  for (const threads of [1, 2]) {
    setThreads(threads)
    await using model = makeModel(dropout)
    await model.fit(text, { ...fitOptions(), maxSteps: 20 })
    weights.push(await weightsOf(model))
  }
  setThreads(0)
  t.deepEqual(weights[0], weights[1])
})

test('a resumed run may compute its batch in other parts', async (t) => {
  const checkpoint = temporaryDirectory()
  const options = { ...fitOptions(), checkpoint, optimizer: optim.sgd({ lr: 0.5 }) }
  await using straight = makeModel()
  await straight.fit(text, { ...fitOptions(), optimizer: optim.sgd({ lr: 0.5 }), maxSteps: 10 })
  await using first = makeModel()
  await first.fit(text, { ...options, maxSteps: 5, accumulate: 3 })
  await using second = makeModel()
  await second.fit(text, { ...options, maxSteps: 10, accumulate: 2, resume: true })
  t.true(largestDifference(await weightsOf(straight), await weightsOf(second)) < 1e-5)
})

test('resuming with other data or settings is refused', async (t) => {
  const checkpoint = temporaryDirectory()
  await using model = makeModel()
  await model.fit(text, { ...fitOptions(), checkpoint, maxSteps: 3 })
  const resume = { ...fitOptions(), checkpoint, resume: true }
  await t.throwsAsync(model.fit(text, { ...resume, batch: 5 }), {
    code: 'ERR_ARGUMENT',
    message: /batch/,
  })
  await t.throwsAsync(model.fit(`${text} more`, resume), {
    code: 'ERR_ARGUMENT',
    message: /tokens/,
  })
  await t.throwsAsync(model.fit(text.replace('whale', 'while'), resume), {
    code: 'ERR_ARGUMENT',
    message: /text/,
  })
  await t.throwsAsync(model.fit(text, { ...resume, optimizer: optim.sgd() }), {
    ...{ code: 'ERR_ARGUMENT', message: /^\[resume\] optimizer: .*"adam", got "sgd"/ },
  })
  await using wider = makeModel({ hidden: 16 })
  await t.throwsAsync(wider.fit(text, resume), {
    ...{ code: 'ERR_ARGUMENT', message: /^\[resume\] hidden: .* 12, got 16/ },
  })
})

test('a checkpoint directory holds the latest and the best, and loads as the best', async (t) => {
  const checkpoint = temporaryDirectory()
  await using model = makeModel()
  const saved: string[] = []
  const run = model.fit(text, {
    ...fitOptions(),
    optimizer: optim.sgd({ lr: 2 }),
    checkpoint,
    checkpointEvery: 7,
    epochs: 3,
  })
  for await (const event of run) if (event.checkpoint) saved.push(event.checkpoint)
  const { best, step } = await run
  t.true(saved.length > 6)
  const pointer = (name: string) => readFileSync(join(checkpoint, name), 'utf8').trim()
  t.is(pointer('latest'), `step-${step}`)
  t.is(pointer('best'), `step-${best?.step}`)
  const kept = new Set(['latest', 'best', pointer('latest'), pointer('best')])
  t.deepEqual(readdirSync(checkpoint).sort(), [...kept].sort())
  await using loaded = await LanguageModel.load(checkpoint)
  const options = fitOptions()
  const { nats } = await loaded.evaluate(options.validation as string)
  t.is(nats, best?.loss as number)
  // A new run there leaves nothing of the old one, even at the same steps.
  await using fresh = makeModel()
  const overwriting = { checkpoint, overwrite: true, maxSteps: step, evaluateEvery: step }
  await fresh.fit(text, { ...options, ...overwriting })
  await using again = await LanguageModel.load(checkpoint)
  t.deepEqual(await weightsOf(again), await weightsOf(fresh))
})

test('an abort writes a checkpoint, rejects with its cause, and leaves the model usable', async (t) => {
  const checkpoint = temporaryDirectory()
  await using model = makeModel()
  const controller = new AbortController()
  const run = model.fit(text, {
    ...fitOptions(),
    checkpoint,
    maxSteps: 1e6,
    signal: controller.signal,
  })
  const error = await t.throwsAsync(
    async () => {
      for await (const { step } of run) if (step === 5) controller.abort(new Error('enough'))
    },
    { code: 'ERR_ABORTED' },
  )
  t.is((error?.cause as Error).message, 'enough')
  await using saved = await LanguageModel.load(checkpoint)
  t.deepEqual(await weightsOf(saved), await weightsOf(model))
  await t.throwsAsync(model.fit(text, { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  await t.throwsAsync(model.evaluate(text, { signal: AbortSignal.abort() }), {
    code: 'ERR_ABORTED',
  })
  t.is((await model.fit(text, { ...fitOptions(), maxSteps: 1 })).step, 1)
})

test('break ends the run in good order', async (t) => {
  await using model = makeModel()
  const run = model.fit(text, { ...fitOptions(), maxSteps: 1e6 })
  for await (const { step } of run) if (step === 3) break
  const { stopped, step } = await run
  t.is(stopped, 'aborted')
  t.true(step >= 3)
})

test('limits end a run', async (t) => {
  const fit = async (options: object) => {
    await using model = makeModel()
    return await model.fit(text, { ...fitOptions(), ...options })
  }
  t.like(await fit({ maxSteps: 4 }), { stopped: 'steps', step: 4 })
  t.like(await fit({ epochs: 2 }), { stopped: 'epochs', epochs: 2 })
  const timed = await fit({ maxSeconds: 0.1 })
  t.is(timed.stopped, 'seconds')
  t.true(timed.seconds >= 0.1 && timed.best !== null)
  // A learning rate of zero never improves after the first validation.
  const idle = { optimizer: optim.sgd({ lr: 0 }), patience: 2, evaluateEvery: 3, epochs: 9 }
  t.like(await fit(idle), { stopped: 'patience', step: 9 })
})

test('patience counts from validations that a longer run makes, too', async (t) => {
  const checkpoint = temporaryDirectory()
  // Learning as fast as this, the loss soon rises: the last validation of a part may be the best.
  const options = { ...fitOptions(), evaluateEvery: 4, patience: 2, maxSteps: 40 }
  const optimizer = optim.sgd({ lr: 30 })
  await using straight = makeModel()
  const { step, stopped } = await straight.fit(text, { ...options, optimizer })
  for (const maxSteps of [1, 2, 3, 5, 6, 7, 9, 40]) {
    await using model = makeModel()
    const limits = { checkpoint, resume: true, maxSteps }
    const result = await model.fit(text, { ...options, optimizer, ...limits })
    if (maxSteps === 40) t.like(result, { step, stopped })
  }
})

test('what rests on a validation needs one', async (t) => {
  await using model = makeModel()
  const { validation: _, ...options } = fitOptions()
  const schedule = optim.schedule.plateau({ gamma: 0.5 })
  for (const [name, given] of Object.entries({ patience: { patience: 2 }, schedule: { schedule } }))
    await t.throwsAsync(Promise.resolve(model.fit(text, { ...options, ...given })), {
      ...{ code: 'ERR_ARGUMENT', message: new RegExp(`${name}: .* without validation data`) },
    })
})

test('a schedule that spans the run needs its end', async (t) => {
  await using model = makeModel()
  const endless = { ...fitOptions(), epochs: Infinity, schedule: optim.schedule.cosine() }
  await t.throwsAsync(model.fit(text, endless).then(), {
    ...{ code: 'ERR_ARGUMENT', message: /^\[fit\] schedule: .* got "cosine"/ },
  })
})

test('an infinite norm clips nothing', async (t) => {
  const norms = []
  for (const clipNorm of [1e30, Infinity]) {
    await using model = makeModel()
    const { loss } = await model.fit(text, { ...fitOptions(), clipNorm, maxSteps: 4 })
    norms.push(loss)
  }
  t.is(norms[0], norms[1])
})

test('a cosine spans the run, whatever ends it, and a resumed one bit for bit', async (t) => {
  const rates = async (options: LanguageFitOptions, model = makeModel()) => {
    const all: number[] = []
    const optimizer = optim.sgd({ lr: 1 })
    const schedule = optim.schedule.cosine()
    const run = model.fit(text, { ...fitOptions(), optimizer, schedule, ...options })
    for await (const { learningRate, step } of run) {
      all.push(learningRate)
      if (step === 5 && options.checkpoint && !options.resume) break
    }
    await model.dispose()
    return all
  }
  const fall = (count: number) =>
    Array.from({ length: count }, (_, i) => (1 + Math.cos((Math.PI * (i + 1)) / count)) / 2)
  t.deepEqual(await rates({ maxSteps: 8 }), fall(8))
  const passes = await rates({ epochs: 2 })
  t.true(passes.every((rate, i) => Math.abs(rate - (fall(passes.length)[i] as number)) < 1e-12))
  const [first, ...timed] = await rates({ maxSeconds: 0.3 })
  t.is(first, 1)
  t.true((timed.at(-1) as number) < 0.2)
  // With several limits, the nearest one.
  t.deepEqual(await rates({ maxSteps: 8, epochs: 50, maxSeconds: 1e9 }), fall(8))
  const options = { epochs: 2, checkpoint: temporaryDirectory() }
  const begun = await rates(options) // makes a few steps more than it is read
  const rest = await rates({ ...options, resume: true })
  t.deepEqual(begun, passes.slice(0, begun.length))
  t.true(rest.length > 0 && rest.length <= passes.length - begun.length)
  t.deepEqual(rest, passes.slice(-rest.length))
})

test('plateau lowers the learning rate by validations', async (t) => {
  await using model = makeModel()
  const rates: number[] = []
  const run = model.fit(text, {
    ...fitOptions(),
    optimizer: optim.sgd({ lr: 1e-30 }),
    schedule: optim.schedule.plateau({ gamma: 0.5 }),
    evaluateEvery: 2,
    maxSteps: 6,
  })
  for await (const { learningRate } of run) rates.push(learningRate / 1e-30)
  t.deepEqual(rates, [1, 1, 1, 1, 0.5, 0.5])
})
