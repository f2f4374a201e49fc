/** `nn.SampledSoftmax` against a plain computation, and as a lazy optimizer has it. */
import test from 'ava'
import { nn, ops, optim, randn, scope, tensor, type Tensor } from 'rnnative'
import { LogUniform } from '#dist/nn/sampled-softmax.js'
import { streamKey } from '#dist/tensor/random.js'
import { describe, kernels, REFERENCE, select } from '../support/op.mjs'
import { checkGradients } from '../tensor/finite.mjs'

const values = async (x: Tensor | null | undefined): Promise<number[]> =>
  Array.from((await x?.data()) ?? [])

const random = (step = 0) => ({ key: streamKey(5, 'test'), step, sampleBase: 0 })

test('classes are drawn once each, as often as expected, and the same for the same seed', (t) => {
  const [classes, count, draws] = [50, 12, 3000]
  const distribution = new LogUniform(classes)
  const drawn = new Float64Array(classes)
  const expected = new Float64Array(classes)
  for (let step = 0; step < draws; ++step) {
    const { ids, tries } = distribution.draw(count, random(step))
    t.is(new Set(ids).size, count)
    t.true(ids.every((id) => id >= 0 && id < classes))
    for (const id of ids) drawn[id]! += 1 / draws
    expected.forEach(
      (_, id) => (expected[id]! += Math.exp(distribution.logCount(id, tries)) / draws),
    )
  }
  for (let id = 0; id < classes; ++id)
    t.true(Math.abs(drawn[id]! - expected[id]!) < 0.05, `${id}: ${drawn[id]} ${expected[id]}`)
  t.true(drawn[0]! > 0.9 && drawn[49]! < 0.2)
  const again = new LogUniform(classes).draw(count, random(7))
  t.deepEqual(again, distribution.draw(count, random(7)))
  t.notDeepEqual(again.ids, distribution.draw(count, random(8)).ids)
})

test.serial(
  'losses are those of the definition, with targets among those drawn and not',
  async (t) => {
    const [input, classes, samples] = [3, 40, 9]
    const { ids, tries } = new LogUniform(classes).draw(samples, random())
    const other = Array.from({ length: classes }, (_, i) => i).find((i) => !ids.includes(i))!
    const targets = [ids[4]!, other, 39, 0, ids[0]!, other]
    for (const variant of [REFERENCE, ...kernels(2)]) {
      select(variant)
      const { device } = variant
      for (const bias of [true, false]) {
        using layer = new nn.SampledSoftmax(input, classes, { samples, bias, seed: 1, device })
        using x = randn([2, 3, input], { seed: 2, device })
        const [w, b, rows] = [
          await values(layer.weight),
          bias ? await values(layer.bias) : new Array<number>(classes).fill(0),
          await values(x),
        ]
        const logit = (row: number, id: number) =>
          b[id]! +
          [0, 1, 2].reduce((sum, f) => sum + rows[row * input + f]! * w[id * input + f]!, 0) -
          new LogUniform(classes).logCount(id, tries)
        const expected = targets.map((target, row) => {
          const choices = [target, ...[...ids].filter((id) => id !== target)]
          const sum = choices.reduce((sum, id) => sum + Math.exp(logit(row, id)), 0)
          return Math.log(sum) - logit(row, target)
        })
        using losses = layer.losses(x, targets, { random: random() })
        t.deepEqual([...losses.shape], [2, 3])
        ;(await values(losses)).forEach((loss, i) =>
          t.true(
            Math.abs(loss - expected[i]!) < 1e-4,
            `${describe(variant)}: ${loss} ${expected[i]}`,
          ),
        )
      }
    }
  },
)

test.serial('gradients are those of finite differences', async (t) => {
  select(REFERENCE)
  using layer = new nn.SampledSoftmax(3, 12, { samples: 4, seed: 1, device: 'reference' })
  using x = randn([5, 3], { seed: 2, device: 'reference', requiresGrad: true })
  const leaves = { x, ...Object.fromEntries(layer.namedParameters()) }
  await checkGradients(t, leaves, () => layer.losses(x, [0, 11, 3, 3, 7], { random: random() }))
})

test('a lazy optimizer touches the rows that were drawn or are targets, and no others', async (t) => {
  const learn = async (lazy: boolean) => {
    using layer = new nn.SampledSoftmax(3, 40, { samples: 5, seed: 1 })
    using optimizer = optim.sgd({ lr: 0.5, lazy }).bind(layer)
    const before = await values(layer.weight)
    using x = randn([4, 3], { seed: 2 })
    for (const targets of [
      [39, 1, 39, 20],
      [20, 38, 0, 1],
    ]) {
      optimizer.zeroGrad()
      scope(() => ops.sum(layer.losses(x, targets, { random: random() })).backward())
      optimizer.step().dispose()
    }
    const after = await values(layer.weight)
    const changed = new Set(
      after.flatMap((value, i) => (value === before[i] ? [] : Math.floor(i / 3))),
    )
    return { after, changed }
  }
  const [dense, lazy] = [await learn(false), await learn(true)]
  const { ids } = new LogUniform(40).draw(5, random())
  const touched = new Set([...ids, 39, 1, 20, 38, 0])
  t.deepEqual([...lazy.changed].sort(), [...touched].sort())
  lazy.after.forEach((value, i) => t.true(Math.abs(value - dense.after[i]!) < 1e-6))
})

test('what makes no sense is refused by name', (t) => {
  const refused = (make: () => unknown, message: RegExp, code = 'ERR_ARGUMENT') =>
    t.throws(make, { code, message })
  const most = /\[sampledSoftmax\] samples: expected at most half of the 10 classes, got 6/
  refused(() => new nn.SampledSoftmax(2, 10, { samples: 6 }), most)
  refused(() => new nn.SampledSoftmax(2, 10, { samples: 0 }), /samples: expected a whole number/)
  refused(() => new nn.SampledSoftmax(2, 10, {} as never), /samples/)
  using layer = new nn.SampledSoftmax(2, 10, { samples: 3 })
  using x = tensor([1, 2], [1, 2])
  refused(() => layer.losses(x, [10]), /target 10 at position 0: expected 0..9/, 'ERR_INDEX')
  refused(() => layer.losses(x, [-100]), /target -100 at position 0/, 'ERR_INDEX')
  refused(() => layer.losses(x, [1, 2]), /targets: expected \[1\], got \[2\]/, 'ERR_SHAPE')
  refused(() => layer.losses(randn([2, 3]), [1, 2]), /x: expected \[\.\.\., 2\]/, 'ERR_SHAPE')
})
