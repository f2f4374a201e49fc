import test from 'ava'
import { scheduledSampling, type SamplingSchedule, type SamplingScheduleJSON } from 'rnnative'

const { linear, exponential, inverseSigmoid, create } = scheduledSampling
const at = (schedule: SamplingSchedule, ...steps: number[]) =>
  steps.map((step) => Math.round(1e6 * schedule.truth(step)) / 1e6)

test('linear falls evenly to its minimum and stays there', (t) => {
  t.deepEqual(at(linear({ steps: 10 }), 1, 2, 6, 11, 1000), [1, 0.9, 0.5, 0, 0])
  t.deepEqual(at(linear({ steps: 4, min: 0.2 }), 1, 3, 5, 6), [1, 0.6, 0.2, 0.2])
})

test('exponential is k to the power of i', (t) => {
  t.deepEqual(at(exponential({ k: 0.5 }), 1, 2, 4), [1, 0.5, 0.125])
})

test('inverse sigmoid is k / (k + exp(i / k)), a half at k ln k', (t) => {
  const k = 1000
  t.deepEqual(at(inverseSigmoid({ k }), 1, 1001), [0.999001, 0.997289])
  t.true(Math.abs(inverseSigmoid({ k }).truth(1 + k * Math.log(k)) - 0.5) < 1e-12)
  t.is(inverseSigmoid({ k: 1 }).truth(1e9), 0)
})

test('none ever rises or leaves [0, 1]; all survive JSON', (t) => {
  for (const schedule of [
    linear({ steps: 50 }),
    exponential({ k: 0.99 }),
    inverseSigmoid({ k: 20 }),
  ]) {
    const json = JSON.parse(JSON.stringify(schedule)) as SamplingScheduleJSON
    const copy = create(json)
    for (let step = 1; step < 500; ++step) {
      const truth = schedule.truth(step)
      t.true(truth >= schedule.truth(step + 1) && truth >= 0 && truth <= 1)
      t.is(copy.truth(step), truth)
    }
  }
})

test('options that make no sense are refused by name', (t) => {
  const code = 'ERR_ARGUMENT'
  for (const steps of [0, NaN, Infinity, undefined as unknown as number])
    t.throws(() => linear({ steps }), { code, message: /linear: steps/ })
  for (const min of [-0.1, 1, NaN])
    t.throws(() => linear({ steps: 1, min }), { code, message: /min/ })
  for (const k of [0, 1, NaN]) t.throws(() => exponential({ k }), { code, message: /k/ })
  for (const k of [0.5, Infinity, NaN]) t.throws(() => inverseSigmoid({ k }), { code })
  t.throws(() => create({ name: 'cosine' as 'linear', options: {} }), { code, message: /cosine/ })
})
