/** What several ranks come to, by ranks within this process: the trainer's part, without MPI. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import * as api from 'rnnative'
import { nn, ops, optim, Trainer, type TrainingEvent, type TrainingResult } from 'rnnative'
import { together } from '../support/local-group.mjs'
import { temporaryDirectory } from '../models/language/support.mjs'
import * as recipes from '../models/fixtures/recipes.mjs'
import { accuracy, examples, feedOf, held, makeTrainer, Tagger, weightsOf } from './tagger.mjs'

const TOLERANCE = 1e-5

interface Learning extends AsyncDisposable {
  readonly network: nn.Module
  fit(data: unknown, options: object): api.Run<TrainingEvent, TrainingResult>
}

interface Learned {
  losses: number[]
  validation: number[]
  weights: number[]
  result: TrainingResult
}

async function learn(model: Learning, data: unknown, options: object): Promise<Learned> {
  const run = model.fit(data, options)
  const [losses, validation]: number[][] = [[], []]
  for await (const event of run) {
    losses.push(event.loss)
    if (event.validation)
      validation.push(event.validation.loss, ...Object.values(event.validation.measures ?? {}))
  }
  return { losses, validation, weights: await weightsOf(model.network), result: await run }
}

/** The largest difference, as a share of the largest number. */
function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity
  const scale = a.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30)
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number)) / scale), 0)
}

function same(t: ExecutionContext, got: Learned, wanted: Learned, what: string): void {
  for (const name of ['losses', 'validation', 'weights'] as const) {
    const far = distance(wanted[name], got[name])
    t.true(far <= TOLERANCE, `${what}: ${name} differ by ${far}`)
  }
}

const DATA: Readonly<Record<keyof typeof recipes.running, unknown>> = {
  language: recipes.text,
  seq2seq: recipes.pairs,
  classifier: recipes.labelled,
  tagger: recipes.sentences,
  forecaster: recipes.series,
  autoencoder: recipes.letters,
  dialogue: recipes.conversations,
  summariser: recipes.summarized,
  abstractive: recipes.summarized,
}

// More ranks than the rows of most batches, too. Rounding grows with the steps: a few of them tell.
for (const family of Object.keys(DATA) as (keyof typeof DATA)[])
  test.serial(`ranks come to what one process comes to: ${family}`, async (t) => {
    const make = () => recipes.running[family](api) as unknown as Learning
    // A bias before a softmax over sentences moves nothing: of its gradient Adam sees what rounding leaves.
    const optimizer = family === 'summariser' && { optimizer: optim.sgd({ lr: 0.1 }) }
    const limits = { epochs: undefined, maxSteps: 6 }
    const options = { ...recipes.fits[family](api), ...limits, ...optimizer }
    const run = async (more: object) => {
      await using model = make()
      return await learn(model, DATA[family], { ...options, ...more })
    }
    const alone = await run({ evaluateEvery: 3 })
    for (const size of [2, 5]) {
      const all = await together(size, () => run({ evaluateEvery: 3, parallel: true }))
      same(t, all[0] as Learned, alone, `${size} ranks`)
      for (const other of all.slice(1)) {
        t.deepEqual(other.weights, all[0]?.weights)
        t.deepEqual(other.losses, all[0]?.losses)
        t.is(other.result.items, alone.result.items)
      }
    }
  })

const trained = async (
  options: api.TrainerFitOptions,
  of: Parameters<typeof makeTrainer>[1] = {},
  seed = 5,
) => {
  using tagger = new Tagger({ dropout: 0.2, seed })
  const trainer = makeTrainer(tagger, of)
  const learning = { network: tagger, fit: (_: unknown, fit: object) => trainer.fit(fit) }
  return await learn(learning as unknown as Learning, null, options)
}

test.serial(
  'a module of ones own: counts of tensors, measures, penalties, several batches',
  async (t) => {
    const options = {
      ...{ accumulate: 3, clipNorm: 0.5, l2: 1e-3, maxSteps: 5, evaluateEvery: 2 },
      optimizer: optim.adam({ lr: 0.01 }),
    }
    const of = { validate: feedOf(held), measures: accuracy }
    const alone = await trained(options, of)
    const all = await together(3, (rank) =>
      // Of other seeds: all begin as the first one does.
      trained({ ...options, parallel: true }, of, 5 + rank),
    )
    same(t, all[0] as Learned, alone, '3 ranks')
    t.deepEqual(all[1]?.weights, all[2]?.weights)
  },
)

test.serial('what is resumed by another number of ranks goes on as it would have', async (t) => {
  const whole = await trained({ maxSteps: 9, optimizer: optim.adam({ lr: 0.01 }) })
  const checkpoint = join(temporaryDirectory(), 'run')
  const options = { optimizer: optim.adam({ lr: 0.01 }), checkpoint, parallel: true }
  await together(3, () => trained({ ...options, maxSteps: 4 }))
  const heard: unknown[] = []
  const watch = {
    begin: ({ changed }: api.RunPlan) => heard.push(...changed),
    event: ({ step }: TrainingEvent) => heard.push(step),
  }
  const [first, second] = await together(2, () =>
    trained({ ...options, maxSteps: 9, resume: true, watch }, {}, 11),
  )
  t.deepEqual(first?.weights, second?.weights)
  t.true(distance(whole.weights, first?.weights ?? []) <= TOLERANCE)
  // One tells, and one writes.
  t.deepEqual(heard.slice(0, 2), [
    { name: 'maxSteps', from: 4, to: 9 },
    { name: 'ranks', from: 3, to: 2 },
  ])
  t.deepEqual(heard.slice(2), [5, 6, 7, 8, 9])
  t.is(first?.result.checkpoint, second?.result.checkpoint as string)
  t.true(existsSync(first?.result.checkpoint as string))
})

test.serial('carried state is of all rows in a checkpoint, whoever has them', async (t) => {
  const options = { ...recipes.fits.language(api), epochs: undefined }
  const checkpoint = join(temporaryDirectory(), 'run')
  const run = async (more: object) => {
    await using model = recipes.running.language(api)
    return await learn(model as unknown as Learning, recipes.text, { ...options, ...more })
  }
  const whole = await run({ maxSteps: 5 })
  await together(3, () => run({ checkpoint, maxSteps: 2, parallel: true }))
  const rest = await run({ checkpoint, maxSteps: 5, resume: true })
  t.true(distance(whole.weights, rest.weights) <= TOLERANCE)
})

const reasons = (settled: readonly PromiseSettledResult<unknown>[]) =>
  settled.map((one) =>
    one.status === 'rejected'
      ? `${(one.reason as api.RnnativeError).code} ${(one.reason as Error).message}`
      : 'no error',
  )

const failing = (size: number, body: (rank: number) => Promise<unknown>) =>
  together(size, (rank) =>
    body(rank).then(
      (value) => ({ status: 'fulfilled', value }) as const,
      (reason: unknown) => ({ status: 'rejected', reason }) as const,
    ),
  )

test.serial(
  'a loss that is not finite on one rank leaves the weights of all as they were',
  async (t) => {
    const feed = feedOf(examples, { rows: 60 })
    const poisoned = (rank: number) => (step: number) => rank === 1 && step === 3
    const weights: number[][] = []
    const settled = await failing(2, async (rank) => {
      using tagger = new Tagger()
      let step = 0
      const trainer = new Trainer({
        module: tagger,
        feed,
        loss: ({ words, tags, lengths }) => {
          const { losses, weights } = ops.crossEntropyLosses(tagger.forward(words, lengths), tags)
          const factor = poisoned(rank)(++step) ? Infinity : 1
          return { sum: ops.mul(ops.sum(losses), factor), count: ops.sum(weights) }
        },
      })
      const before: number[][] = []
      try {
        const run = trainer.fit({ epochs: 9, parallel: true, checkpoint: undefined })
        for await (const _ of run) before.push(await weightsOf(tagger))
      } finally {
        const after = await weightsOf(tagger)
        t.deepEqual(after, before.at(-1))
        weights.push(after)
      }
    })
    for (const reason of reasons(settled)) t.regex(reason, /^ERR_NONFINITE .* step 3: loss/)
    t.deepEqual(weights[0], weights[1])
  },
)

test.serial('an error of one rank ends all, with its name', async (t) => {
  const settled = await failing(3, async (rank) => {
    using tagger = new Tagger()
    let step = 0
    const trainer = makeTrainer(tagger, {
      loss: ({ words, tags, lengths }) => {
        if (rank === 2 && ++step >= 4) throw new Error('no more')
        const { losses, weights } = ops.crossEntropyLosses(tagger.forward(words, lengths), tags)
        return { sum: ops.sum(losses), count: ops.sum(weights) }
      },
    })
    return await trainer.fit({ epochs: 9, parallel: true })
  })
  const [first, second, third] = reasons(settled)
  t.is(first, 'ERR_INTERNAL [fit] parallel: rank 2: no more')
  t.is(second, first)
  t.regex(third as string, /no more$/)
})

test.serial('ranks that have other data, or none, are told so', async (t) => {
  const fit = (feed: api.Feed<never>, options = {}) => {
    const tagger = new Tagger()
    return makeTrainer(tagger, { feed: feed as never }).fit({ parallel: true, ...options })
  }
  const feeds = [feedOf(examples), feedOf(examples.slice(1))]
  const other = await failing(2, async (rank) => fit(feeds[rank] as never))
  for (const reason of reasons(other))
    t.regex(reason, /^ERR_ARGUMENT \[fit\] parallel: examples is 60 on rank 0 and 59 on rank 1/)
  // Streams tell by their batches.
  const stream = (count: number) => feedOf(() => examples.slice(0, count))
  const short = await failing(2, async (rank) => fit(stream(rank === 0 ? 60 : 59) as never))
  for (const reason of reasons(short))
    t.regex(reason, /rank 0 read one of \d+ rows, rank 1 one of \d+ rows|examples|read none/)
  const none = await failing(2, async (rank) => fit(stream(rank === 0 ? 60 : 0) as never))
  t.regex(reasons(none)[0] as string, /rank 1: \[fit\] feed: pass 1: expected at least one batch/)
  const limits = await failing(2, async (rank) => fit(feeds[0] as never, { maxSteps: 3 + rank }))
  t.regex(reasons(limits)[0] as string, /maxSteps is 3 on rank 0 and 4 on rank 1/)
})

test.serial('a rank that is asked to stop stops all at the same step', async (t) => {
  const stop = new AbortController()
  const checkpoint = join(temporaryDirectory(), 'run')
  const settled = await failing(2, async (rank) => {
    using tagger = new Tagger()
    const run = makeTrainer(tagger).fit({
      ...{ epochs: 50, parallel: true, checkpoint },
      ...(rank === 1 && { signal: stop.signal }),
      watch: ({ step }) => step === 3 && stop.abort(),
    })
    return await run
  })
  const [first, second] = settled
  t.is(first?.status, 'fulfilled')
  const result = (first as PromiseFulfilledResult<TrainingResult>).value
  t.is(result.stopped, 'aborted')
  t.regex(reasons(settled)[1] as string, new RegExp(`^ERR_ABORTED .*after step ${result.step}`))
  t.is(second?.status, 'rejected')
  t.true(existsSync(result.checkpoint as string))
})

test.serial('patience ends all at the same validation', async (t) => {
  const options = {
    ...{ patience: 2, evaluateEvery: 1, epochs: 40 },
    optimizer: optim.sgd({ lr: 8 }),
  }
  const of = { validate: feedOf(held) }
  const all = await together(2, () => trained({ ...options, parallel: true }, of))
  t.is(all[0]?.result.stopped, 'patience')
  t.deepEqual(all[0]?.result.step, all[1]?.result.step)
  t.deepEqual(all[0]?.validation, all[1]?.validation)
})

test.serial('alone it is as without, and what ranks cannot do is refused by name', async (t) => {
  const options = { maxSteps: 4, optimizer: optim.adam({ lr: 0.01 }) }
  const [plain, alone] = [await trained(options), await trained({ ...options, parallel: true })]
  t.deepEqual(alone.weights, plain.weights)
  const lazy = await failing(2, async () => {
    const tagger = new Tagger()
    return makeTrainer(tagger).fit({ parallel: true, optimizer: optim.adam({ lazy: true }) })
  })
  for (const reason of reasons(lazy)) t.regex(reason, /optimizer: expected one that is not lazy/)
  await t.throwsAsync(async () => trained({ parallel: 1 as never }), {
    message: /\[fit\] parallel/,
  })
})
