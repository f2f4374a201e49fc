/** Averages of weights, which are validated and saved in their place. */
import test from 'ava'
import { LanguageModel, nn, optim, Trainer, type LanguageFitOptions } from 'rnnative'
import { Averages } from '#dist/train/averages.js'
import { fitOptions, makeModel } from '../models/language/support.mjs'
import { temporaryDirectory, text, weightsOf } from '../models/language/support.mjs'
import { golden } from '../support/golden.mjs'
import { DEVICES } from '../support/op.mjs'
import { feedOf, held, makeTrainer, settings, Tagger, weightsOf as numbersOf } from './tagger.mjs'

const { average } = optim

class Line extends nn.Module {
  readonly weight
  constructor(device: (typeof DEVICES)[number]) {
    super()
    this.weight = new nn.Parameter([7], { device })
  }
}

for (const { name, settings, tensors } of await golden<{ name: string }>('averages'))
  for (const device of DEVICES)
    test(`PyTorch, ${name}, ${device}`, async (t) => {
      const { name: kind, ...options } = settings
      using line = new Line(device)
      using optimizer = optim.sgd().bind(line)
      const averages = new Averages(average.create({ name: kind, options }), optimizer)
      const rows = (of: string) =>
        Array.from({ length: 8 }, (_, i) => tensors[of]!.data.slice(7 * i, 7 * i + 7))
      const expected = rows('averages')
      for (const [i, weights] of rows('weights').entries()) {
        line.weight.assign(Float64Array.from(weights))
        averages.step(i + 1)
        averages.pass(i + 1)
        const made = await averages.within(async () => [...(await line.weight.data())])
        const tolerance = device === 'reference' ? 1e-12 : 1e-6
        made.forEach((x, j) => t.true(Math.abs(x - expected[i]![j]!) < tolerance, `${i} ${j}`))
        const real = device === 'reference' ? weights : Float32Array.from(weights)
        t.deepEqual([...(await line.weight.data())], [...real])
      }
      averages.dispose()
    })

test('nt-asgd begins after a validation worse than the best of those before the latest', (t) => {
  using line = new Line('cpu')
  using optimizer = optim.sgd().bind(line)
  const begun = (losses: number[], patience: number) => {
    const averages = new Averages(average.ntAsgd({ patience }), optimizer)
    const at = losses.findIndex((loss) => {
      averages.observe(loss)
      return averages.toJSON()?.begins
    })
    averages.dispose()
    return at
  }
  t.is(begun([5, 4, 3, 2, 1], 2), -1)
  t.is(begun([5, 4, 3, 3.5, 3.6, 3.7], 2), 5) // 3.7 is above 3; 3.6 was beside [5, 4]
  t.is(begun([1, 2], 1), -1) // nothing is before the latest
  t.is(begun([1, 2, 3], 1), 2)
})

const averages = {
  ema: average.ema({ decay: 0.8, after: 2 }),
  swa: average.swa(),
  asgd: average.asgd({ after: 3 }),
  'nt-asgd': average.ntAsgd({ patience: 1 }),
}

/** 20 steps, 6 of a pass; the rate is such that losses rise now and then. */
const learn = async (fit: Partial<LanguageFitOptions>, model = makeModel({ dropout: 0.2 })) => {
  await using own = model
  const { schedule: _, ...rest } = fitOptions()
  const steps = { optimizer: optim.sgd({ lr: 20 }), batch: 24, steps: 25, evaluateEvery: 1 }
  const run = own.fit(text, { ...rest, ...steps, maxSteps: 20, ...fit })
  const events = []
  for await (const { loss, validation } of run)
    events.push([loss, validation?.loss, validation?.averaged])
  return { events, result: await run, weights: await weightsOf(own) }
}

for (const [name, average] of Object.entries(averages))
  test(`${name}: the average is validated, saved and left; a resumed run equals the uninterrupted`, async (t) => {
    const plain = await learn({})
    const whole = await learn({ average })
    const losses = (of: typeof plain) => of.events.map(([loss]) => loss)
    t.deepEqual(losses(whole), losses(plain)) // training is that without it
    const counts = whole.events.map(([, , count]) => count ?? 0)
    t.true(counts[0] === 0 && counts.at(-1)! > 1)
    t.notDeepEqual(whole.weights, plain.weights)
    const first = counts.findIndex((count) => count > 1)
    t.not(whole.events[first]?.[1], plain.events[first]?.[1])

    const checkpoint = temporaryDirectory()
    const begun = await learn({ average, checkpoint, maxSteps: first + 2 })
    const resumed = await learn({ average, checkpoint, resume: true })
    t.deepEqual([...begun.events, ...resumed.events], whole.events)
    t.deepEqual(resumed.weights, whole.weights)
    await using latest = await LanguageModel.load(resumed.result.checkpoint as string)
    t.deepEqual(await weightsOf(latest), whole.weights)
  })

test('a run that is resumed without its average goes on with its weights', async (t) => {
  const checkpoint = temporaryDirectory()
  const plain = await learn({})
  await learn({ average: average.ema(), checkpoint, maxSteps: 5 })
  const resumed = await learn({ checkpoint, resume: true })
  t.deepEqual(resumed.weights, plain.weights)
})

test('a Trainer validates the average, and has it in the end', async (t) => {
  using tagger = new Tagger()
  const trainer: Trainer<never> = makeTrainer(tagger, { validate: feedOf(held) }) as never
  const run = trainer.fit({ ...settings, average: average.swa() })
  const averaged = []
  for await (const { validation } of run) if (validation) averaged.push(validation.averaged ?? 0)
  // Of a pass that has just ended the weights count.
  t.deepEqual(averaged, [1, 2, 3])
  const { loss } = await trainer.evaluate(feedOf(held) as never)
  t.true(Math.abs(loss - ((await run).validation as number)) < 1e-6)
  t.true((await numbersOf(tagger)).every(Number.isFinite))
})

test('what is no average is refused by name', async (t) => {
  const code = 'ERR_ARGUMENT'
  t.throws(() => average.ema({ decay: 1 }), { code, message: /^\[average\] ema: decay: / })
  t.throws(() => average.ema({ decya: 0.9 } as object), { code, message: /did you mean decay\?/ })
  t.throws(() => average.swa({ every: 0 }), { code, message: /^\[average\] swa: every: / })
  t.throws(() => average.create({ name: 'emma' }), { code, message: /did you mean|one of ema/ })
  using tagger = new Tagger()
  const fit = (given: unknown) =>
    makeTrainer(tagger)
      .fit({ average: given } as object)
      .then()
  await t.throwsAsync(fit('ema'), { code, message: /^\[fit\] average: expected one such as / })
  await t.throwsAsync(fit(average.ntAsgd()), { code, message: /without validation data/ })
})
