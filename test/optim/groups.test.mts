/** Groups by pattern, down to single gates of a recurrent weight. */
import test from 'ava'
import { nn, ops, optim, randn, type Tensor } from 'rnnative'
import { makeTrainer, Tagger } from '../train/tagger.mjs'
import { fitOptions, makeModel, temporaryDirectory } from '../models/language/support.mjs'
import { text, weightsOf } from '../models/language/support.mjs'

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())]

const HIDDEN = 3

type Groups = readonly optim.GroupOptions[]

/** Steps of an optimizer on an LSTM: all values before and after, by name, and the norm of the first gradient. */
async function learn(spec: optim.OptimizerSpec, groups: Groups, steps = 1) {
  using lstm = new nn.LSTM({ input: 2, hidden: HIDDEN, layers: 2, seed: 1 })
  using optimizer = spec.bind(lstm, groups)
  const read = async () => {
    const all = [...lstm.namedParameters()]
    return Object.fromEntries(
      await Promise.all(all.map(async ([name, p]) => [name, await values(p)] as const)),
    )
  }
  const before = await read()
  const norms: number[] = []
  for (let i = 0; i < steps; ++i) {
    optimizer.zeroGrad()
    const { output } = lstm.forward(randn([4, 3, 2], { seed: i + 1 }))
    ops.sum(ops.square(output)).backward()
    using norm = optimizer.step()
    norms.push(await norm.item())
  }
  return { before, after: await read(), norm: norms[0] as number }
}

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))

test('gates have their own learning rate, decay and freezing; the norm is without what is frozen', async (t) => {
  const spec = optim.sgd({ lr: 1 })
  const plain = await learn(spec, [])
  const made = await learn(spec, [
    { match: 'weight_hh_l0[f]', lr: 0.1, weightDecay: 0.5 },
    { match: /weight_hh_l\d\[o\]/, frozen: true },
    { match: (name) => name.endsWith('bias_ih_l1'), frozen: true },
    { match: 'bias', lr: 2 },
  ])
  let squares = 0
  for (const [name, before] of Object.entries(made.before))
    before.forEach((value, i) => {
      const gate = 'ifgo'[Math.floor((4 * i) / before.length)]
      const gradient = value - plain.after[name]![i]!
      const frozen = (name.startsWith('weight_hh') && gate === 'o') || name === 'bias_ih_l1'
      if (!frozen) squares += gradient ** 2
      let step = name.startsWith('bias') ? 2 * gradient : gradient
      if (name === 'weight_hh_l0' && gate === 'f') step = 0.1 * (gradient + 0.5 * value)
      const expected = frozen ? value : value - step
      const got = made.after[name]![i]!
      t.true(frozen ? got === expected : close(got, expected), `${name}[${i}]: ${got} ${expected}`)
    })
  t.true(close(made.norm, Math.sqrt(squares)))
})

const kinds = {
  sgd: optim.sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.1 }),
  adam: optim.adam({ lr: 0.1 }),
  adamw: optim.adamw({ lr: 0.1 }),
  rmsprop: optim.rmsprop({ lr: 0.1, momentum: 0.9, centered: true }),
  adagrad: optim.adagrad({ lr: 0.1 }),
}

for (const [kind, spec] of Object.entries(kinds))
  test(`${kind}: in groups of the same settings all is as without`, async (t) => {
    const { lr } = spec.hyperparameters
    const groups = [{ match: '[g]', lr }, { match: 'l1', lr }, { match: 'weight_hh_l0[i]' }]
    const [plain, made] = [await learn(spec, [], 3), await learn(spec, groups, 3)]
    for (const [name, expected] of Object.entries(plain.after))
      made.after[name]!.forEach((x, i) => t.true(close(x, expected[i]!), `${name}[${i}]`))
  })

test('groups that make no sense', async (t) => {
  const code = 'ERR_ARGUMENT'
  using lstm = new nn.LSTM({ input: 2, hidden: HIDDEN, seed: 1 })
  for (const [group, message] of [
    [{ match: 'wieght' }, /^\[sgd\] groups\[0\]\.match: expected .* got "wieght"$/],
    [{ match: '' }, /^\[sgd\] groups\[0\]\.match: /],
    [{ match: 'bias', lr: 0.1, frozen: true }, /^\[sgd\] groups\[0\]\.lr: expected none of what/],
    [{ match: 'bias', weigthDecay: 0.1 }, /did you mean weightDecay\?/],
  ] as [optim.GroupOptions, RegExp][])
    t.throws(() => optim.sgd().bind(lstm, [group]), { code, message })
  const twice = [{ match: 'bias' }, { match: 'bias_ih' }]
  t.throws(() => optim.sgd().bind(lstm, twice), { code, message: /not chosen before/ })
  using tagger = new Tagger()
  const fit = (groups: unknown) =>
    makeTrainer(tagger)
      .fit({ groups } as object)
      .then()
  await t.throwsAsync(fit('bias'), { code, message: /^\[fit\] groups: expected a list of groups/ })
  await t.throwsAsync(fit([{ match: 'bias', lr: NaN }]), { code, message: /groups\[0\]\.lr/ })
})

test('fit takes groups; a resumed run equals the uninterrupted', async (t) => {
  const groups = [
    { match: 'embedding', frozen: true },
    { match: 'weight_hh_l0[f]', lr: 1e-3 },
  ]
  const learn = async (fit: object) => {
    await using model = makeModel({ dropout: 0.2 })
    const before = await weightsOf(model)
    await model.fit(text, { ...fitOptions(), groups, maxSteps: 6, ...fit })
    return { before, after: await weightsOf(model) }
  }
  const whole = await learn({})
  const name = Object.keys(whole.before).find((name) => name.startsWith('embedding'))!
  t.deepEqual(whole.after[name], whole.before[name])
  const checkpoint = temporaryDirectory()
  await learn({ checkpoint, maxSteps: 3 })
  t.deepEqual((await learn({ checkpoint, resume: true })).after, whole.after)
  const changed: unknown[] = []
  const watch = { begin: (plan: { changed: readonly unknown[] }) => changed.push(...plan.changed) }
  await learn({ checkpoint, resume: true, groups: groups.slice(1), watch, maxSteps: 7 })
  t.like(changed, { length: 2 }) // maxSteps, and the groups
})
