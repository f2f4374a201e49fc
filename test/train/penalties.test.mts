/** Penalties of outputs, states and parameters, each told apart. */
import test from 'ava'
import {
  nn,
  ops,
  optim,
  Seq2Seq,
  Tokenizer,
  type LanguageFitOptions,
  type TrainingEvent,
} from 'rnnative'
import { fitOptions, largestDifference, makeModel } from '../models/language/support.mjs'
import { temporaryDirectory, text, weightsOf } from '../models/language/support.mjs'
import { makePairs } from '../models/seq2seq/pairs.mjs'
import { examples, feedOf, makeTrainer, settings, Tagger } from './tagger.mjs'

const all = { activationPenalty: 2, temporalPenalty: 1, confidencePenalty: 0.1 }
const ofParameters = { l1: { bias: 1e-3, '*': 1e-5 }, l2: { 'weight_hh_l*[f]': 1e-2 } }

async function eventsOf(run: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

const near = (a = NaN, b = NaN) => Math.abs(a - b) <= 1e-5 * Math.max(Math.abs(a), Math.abs(b))

test('a language model tells each penalty; the loss stays that of the targets', async (t) => {
  const first = async (fit: LanguageFitOptions) => {
    await using model = makeModel()
    const [event] = await eventsOf(model.fit(text, { ...fitOptions(), ...fit, maxSteps: 1 }))
    return event as TrainingEvent
  }
  const plain = await first({})
  t.false('penalties' in plain)
  const made = await first({ ...all, ...ofParameters })
  t.is(made.loss, plain.loss)
  t.not(made.gradientNorm, plain.gradientNorm)
  const { activation, temporal, confidence, l1, l2 } = made.penalties ?? {}
  t.true([activation, temporal, l1, l2].every((value) => (value as number) > 0))
  // Almost uniform predictions in the beginning.
  t.true(near(Math.round(10 * (confidence as number) * 10), -Math.round(10 * plain.loss)))
  const twice = await first({ temporalPenalty: 2 })
  t.true(near(twice.penalties?.['temporal'], 2 * (temporal as number)))
})

test('micro-batches equal the whole batch, and a resumed run the uninterrupted, penalties included', async (t) => {
  const sgd = { optimizer: optim.sgd({ lr: 0.5 }) }
  const options = { ...fitOptions(), ...all, ...ofParameters, ...sgd, maxSteps: 8 }
  const drops = { dropout: 0.2, weightDrop: 0.2 }
  const learn = async (fit: LanguageFitOptions) => {
    await using model = makeModel(drops)
    const events = await eventsOf(model.fit(text, { ...options, ...fit }))
    return { told: events.map(({ penalties }) => penalties), weights: await weightsOf(model) }
  }
  const whole = await learn({})
  const parts = await learn({ accumulate: 4 })
  t.true(largestDifference(whole.weights, parts.weights) < 1e-5)
  whole.told.forEach((penalties, i) => {
    for (const [name, value] of Object.entries(penalties ?? {}))
      t.true(near(value, parts.told[i]?.[name]), name)
  })
  const checkpoint = temporaryDirectory()
  const begun = await learn({ checkpoint, maxSteps: 3 })
  const ended = await learn({ checkpoint, resume: true })
  t.deepEqual([...begun.told, ...ended.told], whole.told)
  t.deepEqual(ended.weights, whole.weights)
})

test('l1 and l2: gradients of chosen parameters, gates apart', async (t) => {
  const rates = { optimizer: optim.sgd({ lr: 1 }), clipNorm: Infinity, maxSteps: 1 }
  const step = async (fit: object) => {
    using tagger = new Tagger()
    const before = await Promise.all(
      [...tagger.stateDict()].map(async ([, p]) => [...(await p.data())]),
    )
    const [event] = await eventsOf(makeTrainer(tagger).fit({ ...rates, ...fit }))
    const after = await Promise.all(
      [...tagger.stateDict()].map(async ([, p]) => [...(await p.data())]),
    )
    return { names: [...tagger.stateDict().keys()], before, after, event }
  }
  const plain = await step({})
  const made = await step({
    l1: { output: 0.1 },
    l2: { 'lstm.weight_hh_l0[g]': 0.2, bias_ih: 0.3 },
  })
  let [l1, l2] = [0, 0]
  for (const [i, name] of made.names.entries())
    made.after[i]!.forEach((value, j) => {
      const before = made.before[i]![j]!
      const moved = plain.after[i]![j]! - value
      let expected = 0
      if (name.startsWith('output'))
        [expected, l1] = [0.1 * Math.sign(before), l1 + 0.1 * Math.abs(before)]
      const gate = name === 'lstm.weight_hh_l0' && j >= 2 * 64 && j < 3 * 64
      const weight = gate ? 0.2 : name === 'lstm.bias_ih_l0' ? 0.3 : 0
      if (weight > 0) [expected, l2] = [2 * weight * before, l2 + weight * before ** 2]
      t.true(Math.abs(moved - expected) < 1e-6, `${name}[${j}]: ${moved} ${expected}`)
    })
  t.true(near(made.event?.penalties?.['l1'], l1) && near(made.event?.penalties?.['l2'], l2))
})

test('weights that make no sense, and patterns that choose nothing', async (t) => {
  using tagger = new Tagger()
  for (const [given, message] of [
    [{ l2: -1 }, /^\[fit\] l2: expected a number of at least 0, or such numbers by /],
    [{ l1: {} }, /^\[fit\] l1: /],
    [{ l1: { weight: NaN } }, /^\[fit\] l1: /],
    [{ l2: { wieght: 1 } }, /^\[fit\] l2: expected parts of names .* got "wieght"$/],
    [{ l2: { '*': 1, bias: 2 } }, /^\[fit\] l2: .* not chosen before, got "bias"$/],
  ] as [object, RegExp][])
    await t.throwsAsync(makeTrainer(tagger).fit(given).then(), { code: 'ERR_ARGUMENT', message })
})

test('what is frozen is not penalised', async (t) => {
  using tagger = new Tagger()
  for (const parameter of tagger.parameters()) parameter.requiresGrad = false
  tagger.output.weight.requiresGrad = true
  const fit = { ...settings, l2: { lstm: 1, output: 1e-3 }, l1: { lstm: 1 }, maxSteps: 1 }
  const [event] = await eventsOf(makeTrainer(tagger).fit(fit))
  t.deepEqual(Object.keys(event?.penalties ?? {}), ['l2'])
  t.true((event?.penalties?.['l2'] as number) < 0.1)
})

/** The tagger's loss with a penalty on its states. */
const penalised = (tagger: Tagger, weight: number, feed = feedOf(examples)) =>
  makeTrainer(tagger, {
    feed,
    loss: ({ words, tags, lengths }) => {
      const { output: states } = tagger.lstm.forward(tagger.embedding.forward(words), { lengths })
      const { losses, weights } = ops.crossEntropyLosses(tagger.output.forward(states), tags)
      const activation = ops.mul(nn.penalties.activation(states, { lengths }), weight)
      return { sum: ops.sum(losses), count: ops.sum(weights), penalties: { activation } }
    },
  })

test('a module of ones own: penalties are divided by the count of the whole step', async (t) => {
  const told = async (rows: number, accumulate: number) => {
    using tagger = new Tagger()
    const trainer = penalised(tagger, 0.5, feedOf(examples.slice(0, 24), { rows }))
    const sgd = { optimizer: optim.sgd({ lr: 0 }), maxSteps: 1, accumulate }
    const [event] = await eventsOf(trainer.fit(sgd))
    return event as TrainingEvent
  }
  const whole = await told(24, 1)
  const parts = await told(4, 6)
  t.true(near(whole.penalties?.['activation'], parts.penalties?.['activation']))
  t.true(near(whole.loss, parts.loss) && near(whole.gradientNorm, parts.gradientNorm))
  using tagger = new Tagger()
  await t.throwsAsync(penalised(tagger, Infinity).fit(settings).then(), {
    ...{ code: 'ERR_NONFINITE', message: /activation (Infinity|NaN), gradient norm/ },
  })
})

test('a translator: confidence over real tokens alone', async (t) => {
  const letters = Tokenizer.characters('abcdef').withBoundaries()
  const first = async (fit: object) => {
    const sizes = { source: letters, target: letters, hidden: 12, embedding: 8, seed: 3 }
    await using model = new Seq2Seq(sizes)
    const run = model.fit(makePairs(40), {
      batchTokens: 200,
      maxSteps: 1,
      ...fit,
    } as object)
    return (await eventsOf(run))[0] as TrainingEvent
  }
  const [plain, made] = [await first({}), await first({ confidencePenalty: 0.5 })]
  t.true(near(made.loss, plain.loss))
  const entropy = -2 * (made.penalties?.['confidence'] as number)
  t.true(entropy > 0.9 * Math.log(letters.size) && entropy < Math.log(letters.size), `${entropy}`)
})
