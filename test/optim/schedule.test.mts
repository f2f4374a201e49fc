import test from 'ava'
import { optim, RnnativeError } from 'rnnative'

const { schedule } = optim
const steps = (s: optim.Schedule, ...at: number[]): number[] =>
  at.map((step) => s.factor({ step, epoch: 0 }))
const epochs = (s: optim.Schedule, ...at: number[]): number[] =>
  at.map((epoch) => s.factor({ step: 1, epoch }))

const near = (actual: number[], expected: number[]): boolean =>
  actual.every((v, i) => Math.abs(v - (expected[i] as number)) < 1e-12)

test('constant', (t) => {
  t.deepEqual(steps(schedule.constant(), 1, 1000), [1, 1])
})

test('step: halves per epoch after the fourth, as Zaremba et al.', (t) => {
  const s = schedule.step({ gamma: 0.5, after: 4 })
  t.deepEqual(epochs(s, 0, 3, 3.9, 4, 5, 6.5), [1, 1, 1, 0.5, 0.25, 0.125])
  t.deepEqual(
    steps(schedule.step({ gamma: 0.1, every: 10, unit: 'step' }), 1, 10, 11, 20),
    [1, 1, 0.1, 0.1],
  )
})

test('exponential', (t) => {
  t.true(near(epochs(schedule.exponential({ gamma: 0.8 }), 0, 1, 2.5), [1, 0.8, 0.64]))
  t.true(near(steps(schedule.exponential({ gamma: 0.9, unit: 'step' }), 1, 3), [1, 0.81]))
})

test('inverse square root after warm-up', (t) => {
  t.true(
    near(steps(schedule.inverseSqrt({ warmup: 4 }), 1, 2, 4, 16, 64), [0.25, 0.5, 1, 0.5, 0.25]),
  )
  // Of a run of 40 updates a tenth.
  const short = schedule.inverseSqrt({ share: 0.1 })
  const at = (step: number) => short.factor({ step, epoch: 0, fraction: step / 40 })
  t.true(near([1, 2, 4, 16].map(at), [0.25, 0.5, 1, 0.5]))
})

test('cosine, with and without warm-up', (t) => {
  t.true(near(steps(schedule.cosine({ steps: 10 }), 5, 10, 99), [0.5, 0, 0]))
  t.true(
    near(
      steps(schedule.cosine({ steps: 12, warmup: 2, min: 0.1 }), 1, 2, 7, 12),
      [0.5, 1, 0.55, 0.1],
    ),
  )
  t.throws(() => schedule.cosine({ steps: 2, warmup: 2 }), { instanceOf: RnnativeError })
})

test('linear, with and without warm-up', (t) => {
  t.true(near(steps(schedule.linear({ steps: 10 }), 5, 10, 99), [0.5, 0, 0]))
  const warm = schedule.linear({ steps: 12, warmup: 2, min: 0.1 })
  t.true(near(steps(warm, 1, 2, 7, 12), [0.5, 1, 0.55, 0.1]))
})

test('cosine and linear without steps span the run; a warm-up scales the beginning', (t) => {
  const over = (s: optim.Schedule, fractions: number[], step = 9) =>
    fractions.map((fraction) => s.factor({ step, epoch: 0, fraction }))
  t.true(near(over(schedule.cosine(), [0, 0.5, 1, 1.2]), [1, 0.5, 0, 0]))
  t.true(near(over(schedule.linear({ min: 0.2 }), [0, 0.5, 1, 1.2]), [1, 0.6, 0.2, 0.2]))
  t.true(near(over(schedule.cosine({ warmup: 4 }), [0.5], 2), [0.25]))
  for (let step = 1; step <= 7; ++step)
    t.is(
      over(schedule.cosine(), [step / 7], step)[0],
      steps(schedule.cosine({ steps: 7 }), step)[0],
    )
  t.throws(() => steps(schedule.linear(), 1), {
    ...{ code: 'ERR_ARGUMENT', message: /linear: fraction/ },
  })
  for (const wrong of [{ warmup: -1 }, { min: 2 }])
    t.throws(() => schedule.cosine(wrong), { code: 'ERR_ARGUMENT' })
})

test('plateau waits, drops, and keeps its state in JSON', (t) => {
  let s = schedule.plateau({ gamma: 0.5, patience: 1, min: 0.2 })
  const observe = (...losses: number[]): number[] =>
    losses.map((loss) => {
      s.observe(loss)
      return s.factor({ step: 1, epoch: 0 })
    })
  t.deepEqual(observe(3, 2, 2, 2.5), [1, 1, 1, 0.5])
  s = schedule.create(JSON.parse(JSON.stringify(s)))
  t.deepEqual(observe(2, 1.99999, 2, 3, 1), [0.5, 0.25, 0.25, 0.2, 0.2])
  t.deepEqual(observe(NaN, NaN), [0.2, 0.2])
})

test('every schedule survives JSON', (t) => {
  const all = [
    schedule.constant(),
    schedule.step({ gamma: 0.3 }),
    schedule.exponential(),
    schedule.plateau(),
    schedule.inverseSqrt({ warmup: 7 }),
    schedule.cosine({ steps: 50, warmup: 5 }),
    schedule.cosine({ warmup: 5 }),
    schedule.linear({ min: 0.1 }),
  ]
  for (const s of all) {
    const copy = schedule.create(JSON.parse(JSON.stringify(s)))
    t.deepEqual(copy.toJSON(), s.toJSON())
    for (const progress of [
      { step: 3, epoch: 0.1, fraction: 0.1 },
      { step: 30, epoch: 4, fraction: 0.8 },
    ])
      t.is(copy.factor(progress), s.factor(progress))
  }
})
