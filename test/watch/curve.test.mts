import test from 'ava'
import { Curve } from '#dist/watch/runs/curve.js'

const made = (values: readonly number[], first = 1): Curve => {
  const curve = new Curve()
  values.forEach((value, i) => curve.push(first + i, value))
  return curve
}

test('few points are told as they are, those of a stretch alone', (t) => {
  const curve = made([3, 1, NaN, 2])
  t.deepEqual(curve.points(0, 100, 10), { steps: [1, 2, 3, 4], values: [3, 1, null, 2] })
  t.deepEqual(curve.points(2, 3, 10), { steps: [2, 3], values: [1, null] })
  t.deepEqual(curve.points(9, 3, 10), { steps: [], values: [] })
  t.deepEqual(curve.last, { step: 4, value: 2 })
  t.is(new Curve().last, null)
})

test('of many points the least and the greatest of each stretch remain', (t) => {
  const values = Array.from({ length: 100_000 }, (_, i) => Math.sin(i / 1000))
  values[77_777] = 50
  values[12_345] = -60
  const curve = made(values)
  const { steps, values: drawn } = curve.points(0, Infinity, 500)
  t.true(steps.length > 100 && steps.length <= 500, `${steps.length}`)
  t.is(Math.max(...(drawn as number[])), 50)
  t.is(Math.min(...(drawn as number[])), -60)
  for (let i = 1; i < steps.length; ++i) t.true((steps[i] as number) > (steps[i - 1] as number))
  const near = curve.points(77_000, 78_999, 500)
  t.true(near.values.includes(50) && (near.steps[0] as number) >= 77_000)
  t.true((near.steps.at(-1) as number) <= 78_999)
})

test('what is added does not move what was drawn', (t) => {
  const curve = made(Array.from({ length: 5000 }, (_, i) => i % 7))
  const before = curve.points(0, Infinity, 1000)
  for (let i = 5001; i < 5050; ++i) curve.push(i, 3)
  const after = curve.points(0, Infinity, 1000)
  const same = before.steps.length - 2
  t.deepEqual(after.steps.slice(0, same), before.steps.slice(0, same))
})

test('a run that resumes takes the place of what was told beyond it', (t) => {
  const curve = made(Array.from({ length: 1000 }, () => 9))
  curve.cut(301)
  t.is(curve.length, 300)
  for (let i = 301; i <= 900; ++i) curve.push(i, 1)
  curve.push(600, 5)
  t.deepEqual(curve.last, { step: 600, value: 5 })
  const { steps, values } = curve.points(0, Infinity, 4)
  t.true((values as number[]).includes(9) && (values as number[]).includes(1))
  t.is(steps.at(-1), 600)
})
