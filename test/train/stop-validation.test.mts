// A run that is asked to stop amid a validation stops at once, and a resumed one begins with that validation.
import test from 'ava'
import { LanguageModel, optim, Seq2Seq, Tokenizer, type Pair } from 'rnnative'
import { examples, feedOf, held, makeTrainer, settings, Tagger, weightsOf } from './tagger.mjs'
import { temporaryDirectory, text } from '../models/language/support.mjs'

/** Milliseconds; 50 where nothing else runs beside. */
const SOON = 250

const tokenizer = Tokenizer.characters(text)

const after = (milliseconds: number) =>
  new Promise<number>((resolve) => setTimeout(() => resolve(performance.now()), milliseconds))

const fits = {
  'a language model': () => {
    const model = new LanguageModel({ tokenizer, hidden: 64, layers: 1, seed: 1 })
    const options = { batch: 4, steps: 10, evaluateEvery: 1, validation: text.repeat(400) }
    return { model, fit: (more: object) => model.fit(text, { ...options, ...more }) }
  },
  'a Seq2Seq': () => {
    const model = new Seq2Seq({ source: tokenizer, target: tokenizer, hidden: 64, seed: 1 })
    const pairs: Pair[] = Array.from({ length: 20000 }, () => ['the whale swam', 'the ship'])
    const options = { evaluateEvery: 1, validation: pairs }
    return { model, fit: (more: object) => model.fit(pairs.slice(0, 10), { ...options, ...more }) }
  },
}

for (const [what, make] of Object.entries(fits)) {
  for (const [how, stop] of [
    ['abort', (_model: { dispose(): unknown }, run: { abort(): void }) => run.abort()],
    ['dispose', (model: { dispose(): unknown }) => void model.dispose()],
  ] as const)
    test.serial(`${what}: ${how} ends a validation`, async (t) => {
      const { model, fit } = make()
      let told = () => undefined as void
      const begins = new Promise<void>((resolve) => (told = resolve))
      const run = fit({ maxSteps: 2, watch: { begin: told } })
      await begins
      const began = await after(200)
      stop(model, run)
      const { stopped, step, validation } = await run
      t.true(performance.now() - began < SOON, String(performance.now() - began))
      t.like({ stopped, step, validation }, { stopped: 'aborted', step: 1, validation: null })
      await model.dispose()
    })

  test.serial(`${what}: a signal ends a validation`, async (t) => {
    const { model, fit } = make()
    const run = fit({ signal: AbortSignal.timeout(400) })
    await t.throwsAsync(run.then(), { code: 'ERR_ABORTED' })
    await model.dispose()
  })
}

test('a validation function that never ends is not waited for', async (t) => {
  using tagger = new Tagger()
  const validate = () => new Promise<never>(() => undefined)
  const run = makeTrainer(tagger, { validate }).fit({ ...settings, evaluateEvery: 1 })
  await after(100)
  run.abort()
  t.like(await run, { stopped: 'aborted', step: 1 })
})

test('stopped in any validation and resumed, a run is as it would have been', async (t) => {
  const options = {
    ...{ ...settings, epochs: 4, evaluateEvery: 2, patience: 3, optimizer: optim.sgd({ lr: 1 }) },
    schedule: optim.schedule.plateau({ gamma: 0.5 }),
  }
  const make = (stop: (() => void) | null) => {
    const tagger = new Tagger()
    const measure = makeTrainer(tagger)
    const validate = async () => {
      stop?.()
      const { loss } = await measure.evaluate(feedOf(held))
      return { loss: { sum: loss, count: 1 } }
    }
    return { tagger, trainer: makeTrainer(tagger, { validate, feed: feedOf(examples) }) }
  }
  const straight = make(null)
  const { step, best, stopped } = await straight.trainer.fit(options)
  const checkpoint = temporaryDirectory()
  let runs = 0
  for (let over = false; !over; ++runs) {
    // Every other run is stopped in its first validation.
    const abort = () => run.abort()
    const { tagger, trainer } = make(runs % 2 === 0 ? abort : null)
    const limits = runs % 2 === 0 ? {} : { maxSteps: 2 * runs + 1 }
    const run = trainer.fit({ ...options, ...limits, checkpoint, resume: true })
    const result = await run
    over = !['aborted', 'steps'].includes(result.stopped) || runs > 40
    if (over) {
      t.like(result, { step, best, stopped })
      t.deepEqual(await weightsOf(tagger), await weightsOf(straight.tagger))
    }
    tagger.dispose()
  }
  t.true(runs > 2)
  straight.tagger.dispose()
})
