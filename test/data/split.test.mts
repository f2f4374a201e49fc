import test from 'ava'
import fc from 'fast-check'
import { splitExamples } from 'rnnative'

test('a share is held out by the seed, in order, each example on one side', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'constructor'), { minLength: 2, maxLength: 60 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.nat(100),
      fc.boolean(),
      (labels, share, seed, stratified) => {
        const examples = labels.map((label, i) => ({ i, label }))
        const { learned, heldOut } = splitExamples(examples, share, { seed, stratified })
        const rounded = Math.round(share * labels.length)
        t.is(heldOut.length, Math.min(labels.length - 1, Math.max(1, rounded)))
        t.deepEqual(
          [...learned, ...heldOut].sort((a, b) => a.i - b.i),
          examples,
        )
        for (const side of [learned, heldOut])
          t.deepEqual(
            side,
            side.toSorted((a, b) => a.i - b.i),
          )
        t.deepEqual(splitExamples(examples, share, { seed, stratified }), { learned, heldOut })
        if (!stratified) return
        for (const label of new Set(labels)) {
          const own = labels.filter((one) => one === label).length
          const held = heldOut.filter((one) => one.label === label).length
          t.true(Math.abs(held - (own * heldOut.length) / labels.length) < 1)
        }
      },
    ),
  )
})

test('another seed holds others out, each about as often', (t) => {
  const examples = Array.from({ length: 10 }, (_, i) => ({ i, label: 'a' }))
  const counts = new Array<number>(10).fill(0)
  for (let seed = 0; seed < 1000; ++seed)
    for (const { i } of splitExamples(examples, 0.3, { seed }).heldOut) ++counts[i]!
  for (const count of counts) t.true(count > 240 && count < 360, `${count}`)
})

test('what cannot be parted is refused', (t) => {
  t.throws(() => splitExamples([{ label: 'a' }], 0.5), {
    message: /examples: expected at least two/,
  })
  t.throws(() => splitExamples([{ label: 'a' }, { label: 'a' }], 1), { message: /share: expected/ })
  t.throws(() => splitExamples([{ label: 'a' }, null as never], 0.5), { message: /example 1/ })
})
