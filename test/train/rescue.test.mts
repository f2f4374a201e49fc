// Whatever ends a run: steps that were made are in a checkpoint, and a resumed run goes on bit for bit.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { data, nn, ops, optim, tensor, Trainer, type Tensor } from 'rnnative'
import { examples, feedOf, makeTrainer, settings, Tagger, weightsOf } from './tagger.mjs'
import { temporaryDirectory } from '../models/language/support.mjs'

const latest = (checkpoint: string) => readFileSync(join(checkpoint, 'latest'), 'utf8').trim()

/** What may go wrong in the step after the fifth. */
const failures: Record<string, (tagger: Tagger, fails: () => boolean) => object> = {
  loss: (tagger, fails) => ({
    loss: ({ words, tags, lengths }: { words: Tensor; tags: Tensor; lengths: Tensor }) => {
      if (fails()) throw new RangeError('broken')
      const { losses, weights } = ops.crossEntropyLosses(tagger.forward(words, lengths), tags)
      return { sum: ops.sum(losses), count: ops.sum(weights) }
    },
  }),
  'loss, on the device': (tagger, fails) => ({
    loss: ({ words, tags, lengths }: { words: Tensor; tags: Tensor; lengths: Tensor }) => {
      const { losses, weights } = ops.crossEntropyLosses(tagger.forward(words, lengths), tags)
      const sum = ops.sum(losses)
      if (!fails()) return { sum, count: ops.sum(weights) }
      const wrong = ops.embedding(tensor(Int32Array.of(99)), tagger.output.weight)
      return { sum: ops.add(sum, ops.sum(wrong)), count: ops.sum(weights) }
    },
  }),
  measures: (_tagger, fails) => ({
    measures: () => {
      if (!fails()) return { zero: { sum: tensor([0]), count: 1 } }
      const wrong = ops.embedding(tensor(Int32Array.of(9)), tensor([[0]]))
      return { zero: { sum: ops.sum(wrong), count: 1 } }
    },
  }),
  feed: (_tagger, fails) => {
    const feed = feedOf(examples)
    return {
      feed: {
        ...{ unit: feed.unit, count: feed.count, identity: feed.identity },
        *pass(pass: number, first: number) {
          for (const portion of feed.pass(pass, first) as Iterable<data.Portion<never>>) {
            if (fails()) throw new RangeError('broken')
            yield portion
          }
        },
      },
    }
  },
}

for (const [what, make] of Object.entries(failures))
  test(`an error of the ${what} leaves a checkpoint of the steps before`, async (t) => {
    const options = { ...settings, optimizer: optim.adam({ lr: 0.02 }) }
    using straight = new Tagger({ dropout: 0.2 })
    await makeTrainer(
      straight,
      make(straight, () => false),
    ).fit(options)
    const checkpoint = temporaryDirectory()
    using failing = new Tagger({ dropout: 0.2 })
    let calls = 0
    const told: number[] = []
    const trainer = makeTrainer(
      failing,
      make(failing, () => ++calls > 5),
    )
    const outcomes: object[] = []
    const watch = {
      event: ({ step }: { step: number }) => void told.push(step),
      end: (outcome: object) => void outcomes.push(outcome),
    }
    await t.throwsAsync(async () => await trainer.fit({ ...options, checkpoint, watch }))
    t.is(latest(checkpoint), `step-${told.length}`)
    t.true(told.length >= 4 && told.length <= 5)
    t.like(outcomes, [{ checkpoint: join(checkpoint, latest(checkpoint)) }])
    using resumed = new Tagger({ seed: 9, dropout: 0.2 })
    const again = makeTrainer(
      resumed,
      make(resumed, () => false),
    )
    await again.fit({ ...options, checkpoint, resume: true })
    t.deepEqual(await weightsOf(resumed), await weightsOf(straight))
  })

test('an error of the validation leaves a checkpoint; a resumed run validates first', async (t) => {
  const options = { ...settings, evaluateEvery: 4, maxSteps: 8 }
  const checkpoint = temporaryDirectory()
  using failing = new Tagger()
  let calls = 0
  const validate = () => {
    if (++calls === 1) throw new RangeError('broken')
    return { loss: { sum: calls, count: 1 } }
  }
  const first = makeTrainer(failing, { validate }).fit({ ...options, checkpoint })
  await t.throwsAsync(first.then(), { message: 'broken' })
  t.is(latest(checkpoint), 'step-4')
  using resumed = new Tagger({ seed: 9 })
  const trainer = makeTrainer(resumed, { validate })
  const result = await trainer.fit({ ...options, checkpoint, resume: true })
  t.like(result, { step: 8, best: { step: 4, loss: 2 } })
  t.is(calls, 3)
})

test('a run that fails before its first step leaves nothing', async (t) => {
  const checkpoint = join(temporaryDirectory(), 'run')
  using tagger = new Tagger()
  const loss = () => {
    throw new RangeError('broken')
  }
  await t.throwsAsync(makeTrainer(tagger, { loss }).fit({ checkpoint }).then())
  t.false(existsSync(join(checkpoint, 'latest')))
})

test('what is carried from step to step is that of the step before one that fails', async (t) => {
  class Counter extends nn.Module {
    readonly rnn = new nn.GRU({ input: 1, hidden: 4 })
    readonly output = new nn.Linear(4, 1)
  }
  const made = (failing: number) => {
    const module = new Counter().reset(2)
    let calls = 0
    const trainer = new Trainer({
      module,
      feed: data.batches(
        Array.from({ length: 12 }, (_, i) => ({ x: new Float32Array(3).fill(i) })),
        { rows: 2 },
      ),
      loss: ({ x }: { x: Tensor }, carried: { h: Tensor } | null) => {
        const [steps, rows] = x.shape as [number, number]
        const input = ops.reshape(x, [steps, rows, 1])
        const { output, state } = module.rnn.forward(input, { state: carried })
        const sum = ops.sum(ops.square(module.output.forward(output)))
        const broken = ++calls === failing
        return {
          sum: broken ? ops.mul(sum, 1e38 * 10) : sum,
          ...{ count: steps * rows, carry: { h: state.h.detach() } },
        }
      },
      carried: (rows: number) => ({ h: tensor(new Float32Array(4 * rows), [1, rows, 4]) }),
    })
    return { module, trainer }
  }
  const straight = made(Infinity)
  const { loss } = await straight.trainer.fit({ epochs: 2 })
  for (const failing of [2, 4, 7, 9]) {
    const checkpoint = temporaryDirectory()
    const broken = made(failing)
    await t.throwsAsync(broken.trainer.fit({ epochs: 2, checkpoint }).then(), {
      code: 'ERR_NONFINITE',
    })
    t.is(latest(checkpoint), `step-${failing - 1}`)
    const resumed = made(Infinity)
    const result = await resumed.trainer.fit({ epochs: 2, checkpoint, resume: true })
    t.is(result.loss, loss)
    for (const { module } of [broken, resumed]) module.dispose()
  }
  straight.module.dispose()
})
