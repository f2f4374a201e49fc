// Gradients of the next step are enqueued while one runs. Nobody must be able to tell, but by the clock.
import test from 'ava'
import { ops, type Tensor } from 'rnnative'
import { makeTrainer, settings, Tagger, weightsOf } from './tagger.mjs'
import { temporaryDirectory } from '../models/language/support.mjs'

/** A trainer that counts the calls of its loss, and fails in the one that is given. */
function makeCounting(tagger: Tagger, failing = Infinity) {
  const count = { calls: 0 }
  const loss = ({ words, tags, lengths }: { words: Tensor; tags: Tensor; lengths: Tensor }) => {
    if (++count.calls >= failing) throw new RangeError(`call ${failing}`)
    const output = tagger.forward(words, lengths)
    const { losses, weights } = ops.crossEntropyLosses(output, tags)
    return { sum: ops.sum(losses), count: ops.sum(weights), output }
  }
  return { count, trainer: makeTrainer(tagger, { loss }) }
}

test('a loss is asked for once a step, and for none beyond the last', async (t) => {
  for (const limit of [{ epochs: 2 }, { epochs: undefined, maxSteps: 11 }, { epochs: 1.5 }]) {
    using tagger = new Tagger()
    const { count, trainer } = makeCounting(tagger)
    const { step } = await trainer.fit({ ...settings, ...limit })
    t.is(count.calls, step)
  }
})

test('a run that is stopped has applied what it has told of, and goes on from there', async (t) => {
  const checkpoint = temporaryDirectory()
  using whole = new Tagger()
  await makeCounting(whole).trainer.fit({ ...settings, maxSteps: 3 })
  using stopped = new Tagger()
  const run = makeCounting(stopped).trainer.fit({ ...settings, checkpoint })
  for await (const { step } of run) if (step === 3) break
  const { step, stopped: reason } = await run
  t.is(reason, 'aborted')
  if (step === 3) t.deepEqual(await weightsOf(stopped), await weightsOf(whole))

  using other = new Tagger({ seed: 9 })
  await makeCounting(other).trainer.fit({ ...settings, checkpoint, resume: true })
  using all = new Tagger()
  await makeCounting(all).trainer.fit(settings)
  t.deepEqual(await weightsOf(other), await weightsOf(all))
})

test('where a loss fails, the steps before it are told and their weights stay', async (t) => {
  using tagger = new Tagger()
  const { trainer } = makeCounting(tagger, 4)
  const steps: number[] = []
  const watch = ({ step }: { step: number }) => void steps.push(step)
  await t.throwsAsync(async () => await trainer.fit({ ...settings, watch }), { message: 'call 4' })
  t.deepEqual(steps, [1, 2, 3])
  using whole = new Tagger()
  await makeCounting(whole).trainer.fit({ ...settings, maxSteps: 3 })
  t.deepEqual(await weightsOf(tagger), await weightsOf(whole))
})

test('checkpoints between steps are those of the step that they name', async (t) => {
  const [every, checkpoint] = [temporaryDirectory(), temporaryDirectory()]
  using tagger = new Tagger()
  const options = { ...settings, maxSteps: 5 }
  await makeCounting(tagger).trainer.fit({ ...options, checkpoint: every, checkpointEvery: 2 })
  using resumed = new Tagger({ seed: 9 })
  const { trainer } = makeCounting(resumed)
  const first = { ...settings, maxSteps: 2, checkpoint }
  using begun = new Tagger()
  await makeCounting(begun).trainer.fit(first)
  await trainer.fit({ ...options, checkpoint, resume: true })
  t.deepEqual(await weightsOf(resumed), await weightsOf(tagger))
})
