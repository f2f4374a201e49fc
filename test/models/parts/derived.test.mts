import test from 'ava'
import { nn, optim } from 'rnnative'
import { Derived } from '#dist/models/parts/derived.js'

test('is made once for weights as they are, and anew when one of them was written', (t) => {
  using a = new nn.Linear(2, 1)
  using b = new nn.Linear(2, 1)
  const disposed: number[] = []
  let made = 0
  const derived = new Derived([a.weight, b.weight], () => {
    const id = ++made
    return { id, dispose: () => void disposed.push(id) }
  })
  t.is(made, 0)
  t.is(derived.current().id, 1)
  t.is(derived.current().id, 1)
  a.bias?.fill(1)
  t.is(derived.current().id, 1)
  b.weight.fill(1)
  t.is(derived.current().id, 2)
  t.deepEqual(disposed, [1])
  derived.dispose()
  derived.dispose()
  t.deepEqual(disposed, [1, 2])
  t.is(derived.current().id, 3)
})

test('weights that moved and were written there as often as before count as changed', (t) => {
  for (let writes = 0; writes < 5; ++writes) {
    using layer = new nn.Linear(2, 1, { bias: false })
    for (let i = 0; i < writes; ++i) layer.weight.fill(i)
    const derived = new Derived([layer.weight], () => ({ dispose: () => undefined }))
    const before = derived.current()
    optim.sgd({ lr: 1 }).bind(layer)
    layer.weight.fill(-1)
    t.not(derived.current(), before)
  }
})
