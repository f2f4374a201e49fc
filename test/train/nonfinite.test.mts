// Numbers that are not finite: nothing is lost by them, and nothing silently kept.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LanguageModel, nn, optim, Tokenizer, type TrainingEvent } from 'rnnative'
import { parseSavedRun } from '#dist/train/saved-run.js'
import { fromJson, toJson } from '#dist/train/finite-json.js'
import { makeTrainer, settings, Tagger } from './tagger.mjs'
import { temporaryDirectory, text } from '../models/language/support.mjs'

const { schedule } = optim

/** A trainer whose validations come to these losses, one after the other. */
function makeValidated(tagger: Tagger, losses: readonly number[]) {
  let calls = 0
  const validate = () => ({ loss: { sum: losses[calls++] as number, count: 1 } })
  return makeTrainer(tagger, { validate })
}

test('a validation that is not finite is never the best and counts for nothing', async (t) => {
  using tagger = new Tagger()
  const losses = [NaN, Infinity, -Infinity, 3, NaN, NaN, 2, NaN, Infinity]
  const run = makeValidated(tagger, losses).fit({
    ...{ optimizer: optim.sgd({ lr: 0.01 }), evaluateEvery: 1, maxSteps: 9, patience: 1 },
    ...{ schedule: schedule.plateau({ gamma: 0.5, patience: 0 }) },
    checkpoint: temporaryDirectory(),
  })
  const [rates, best, told]: [number[], boolean[], number[]] = [[], [], []]
  for await (const { validation, learningRate } of run) {
    rates.push(learningRate)
    best.push(validation?.best ?? false)
    told.push(validation?.loss as number)
  }
  t.like(await run, { stopped: 'steps', step: 9, best: { step: 7, loss: 2 } })
  t.deepEqual(told, losses)
  t.deepEqual(
    best,
    losses.map((loss) => loss === 3 || loss === 2),
  )
  t.deepEqual(new Set(rates), new Set([0.01]))
})

test('a run whose first validation is not finite can be resumed', async (t) => {
  const checkpoint = temporaryDirectory()
  for (const [losses, maxSteps, best] of [
    [[NaN], 1, null],
    [[5], 2, { step: 2, loss: 5 }],
  ] as const) {
    using tagger = new Tagger()
    const options = { ...settings, evaluateEvery: 1, maxSteps, checkpoint, resume: true }
    const result = await makeValidated(tagger, losses).fit(options)
    t.like(result, { step: maxSteps, best })
  }
})

test('state.json that an earlier version wrote with a best of NaN is read', (t) => {
  const progress = { step: 1, epoch: 0, index: 1, items: 8, stale: 0, seconds: 1 }
  const { kind, hyperparameters } = settings.optimizer
  const json = {
    ...{ format: 1, seed: 1, schedule: { name: 'constant', options: {} }, identity: {} },
    optimizer: { kind, hyperparameters, lr: 1, step: 1 },
    progress: { ...progress, stepsPerEpoch: null, best: { step: 1, loss: null }, least: null },
  }
  const read = parseSavedRun(json, 'state.json')
  t.is(read.progress.best, null)
  t.deepEqual(read.settings, {})
})

test('JSON of what is not finite reads back', (t) => {
  const value = { a: [1, NaN, { b: -Infinity }], c: Infinity, d: 'x', e: null }
  t.deepEqual(fromJson(JSON.parse(JSON.stringify(toJson(value)))), value)
})

test('limits that are not finite are those of the resumed run, too', async (t) => {
  const checkpoint = temporaryDirectory()
  const changes: unknown[] = []
  for (const maxSteps of [2, 3]) {
    using tagger = new Tagger()
    const endless = { epochs: Infinity, clipNorm: Infinity, checkpoint, resume: true, maxSteps }
    const never = schedule.step({ after: Infinity, unit: 'step' })
    const watch = { begin: ({ changed }: { changed: unknown }) => void changes.push(changed) }
    const { optimizer } = settings
    await makeTrainer(tagger).fit({ ...endless, optimizer, schedule: never, watch })
  }
  t.deepEqual(changes, [[], [{ name: 'maxSteps', from: 2, to: 3 }]])
})

test('weights that an update made infinite end the run, and are in no checkpoint', async (t) => {
  const tokenizer = Tokenizer.characters(text)
  for (const [what, options] of [
    ['validation', { validation: text }],
    ['checkpoint', { checkpoint: join(temporaryDirectory(), 'run') }],
    ['both', { validation: text, checkpoint: join(temporaryDirectory(), 'run') }],
  ] as const) {
    await using model = new LanguageModel({ tokenizer, hidden: 8, layers: 1, seed: 1 })
    const events: TrainingEvent[] = []
    const optimizer = optim.sgd({ lr: 1e39 })
    const run = model.fit(text, {
      ...{ batch: 4, steps: 10, maxSteps: 1, clipNorm: Infinity, optimizer, ...options },
      watch: (event) => void events.push(event),
    })
    const error = await t.throwsAsync(run.then(), { code: 'ERR_NONFINITE' }, what)
    t.regex(error?.message ?? '', /^\[fit\] step 1: weights that are not finite/)
    t.is(events[0]?.validation?.best ?? false, false)
    if ('checkpoint' in options) t.false(existsSync(join(options.checkpoint, 'latest')))
  }
})

for (const accumulate of [1, 3])
  test(`a loss that overflows alone changes nothing, ${accumulate} parts`, async (t) => {
    const tokenizer = Tokenizer.characters(text)
    await using model = new LanguageModel({ tokenizer, hidden: 8, layers: 1, seed: 1 })
    const output = model.network.output as nn.Linear
    const steep = Float32Array.from({ length: tokenizer.size }, (_, i) => (i === 0 ? 3e38 : 0))
    output.bias?.assign(steep)
    const weights = () =>
      Promise.all([...model.network.stateDict()].map(async ([, x]) => [...(await x.data())]))
    const before = await weights()
    for (const optimizer of [optim.sgd({ lr: 0.1, momentum: 0.9 }), optim.adam()]) {
      const run = model.fit(text, { batch: 6, steps: 10, accumulate, maxSteps: 1, optimizer })
      const error = await t.throwsAsync(run.then(), { code: 'ERR_NONFINITE' })
      const { norm, loss } = (error as unknown as { details: Record<string, number> }).details
      t.true(Number.isFinite(norm) && !Number.isFinite(loss))
      t.deepEqual(await weights(), before)
    }
  })

test('a step with a loss that is not finite is taken back: its checkpoint is of the one before', async (t) => {
  const checkpoint = temporaryDirectory()
  const options = { ...settings, optimizer: optim.adam({ lr: 0.02 }), maxSteps: 6 }
  using straight = new Tagger({ dropout: 0.2 })
  const { loss } = await makeTrainer(straight).fit(options)

  using failing = new Tagger({ dropout: 0.2 })
  const trainer = makeTrainer(failing)
  const step = { count: 0 }
  const watch = ({ step: at }: { step: number }) => {
    step.count = at
    if (at === 3) failing.output.bias?.fill(Infinity)
  }
  await t.throwsAsync(trainer.fit({ ...options, checkpoint, checkpointEvery: 3, watch }).then(), {
    code: 'ERR_NONFINITE',
  })
  t.true(step.count >= 3)
  t.is(readFileSync(join(checkpoint, 'latest'), 'utf8').trim(), 'step-3')
  using resumed = new Tagger({ seed: 9, dropout: 0.2 })
  const again = await makeTrainer(resumed).fit({ ...options, checkpoint, resume: true })
  t.is(again.loss, loss)
})
