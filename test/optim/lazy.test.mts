/** Tables of embeddings that are learned by the rows that ids named alone. */
import test from 'ava'
import { nn, ops, optim, scope, tensor, type LanguageFitOptions, type Tensor } from 'rnnative'
import { fitOptions, makeModel, temporaryDirectory } from '../models/language/support.mjs'
import { text, weightsOf } from '../models/language/support.mjs'
import { DEVICES } from '../support/op.mjs'
import { makeTrainer, Tagger } from '../train/tagger.mjs'

type Device = (typeof DEVICES)[number]

const [VOCABULARY, FEATURES] = [11, 5]

/** Two tables, one of which is used twice, and weights that are learned as ever. */
class Net extends nn.Module {
  readonly words
  readonly shapes
  readonly output
  constructor(device: Device) {
    super()
    this.words = new nn.Embedding(VOCABULARY, FEATURES, { device, paddingIndex: 0, seed: 1 })
    this.shapes = new nn.Embedding(3, FEATURES, { device, seed: 2 })
    this.output = new nn.Linear(FEATURES, 2, { device, seed: 3 })
  }

  backward(words: number[], others: number[], shapes: number[]): void {
    const { device } = this.output.weight
    const ids = (of: number[]) => tensor(of, [of.length], { device, dtype: 'i32' })
    scope(() => {
      const given = this.words.forward(ids(words))
      const twice = ops.mul(this.words.forward(ids(others)), 2)
      const all = ops.concat([given, twice, this.shapes.forward(ids(shapes))], 0)
      ops.mean(ops.square(this.output.forward(all))).backward()
    })
  }
}

/** Ids of a step: some more than once, most never; in the second no other word, in the third no shape at all. */
const STEPS = [
  [[3, 3, 7, 0], [7], [1]],
  [[10], [10, 10], [2, 2]],
  [[3, 5], [0], []],
  [
    [7, 3, 3, 3, 1],
    [9, 8],
    [0, 2, 1],
  ],
] as const

/** As the training loop sees an optimizer. */
interface Scaling {
  scaleGradients(factor: number): void
}

const numbers = async (x: Tensor): Promise<number[]> => [...(await x.data())]

/** Every step's norm, and all parameters and states afterwards. */
async function learn(
  spec: optim.OptimizerSpec,
  device: Device,
  { accumulate = false, ...step }: optim.StepOptions & { accumulate?: boolean } = {},
): Promise<Record<string, number[]>> {
  using net = new Net(device)
  using optimizer = spec.bind(net, [{ match: 'shapes', lr: 0.05 }])
  const made: Record<string, number[]> = { norms: [] }
  for (const [words, others, shapes] of STEPS) {
    optimizer.zeroGrad()
    if (accumulate) {
      net.backward([...words], [], [...shapes])
      net.backward([], [...others], [1])
      const scaling = optimizer as unknown as Scaling
      scaling.scaleGradients(0.5)
    } else net.backward([...words], [...others], [...shapes])
    using norm = optimizer.step(step)
    made['norms']?.push(await norm.item())
  }
  for (const [name, parameter] of net.namedParameters()) made[name] = await numbers(parameter)
  for (const [name, state] of optimizer.stateDict().tensors) {
    made[name] = await numbers(state)
    state.dispose()
  }
  return made
}

const close = (a: number, b: number, device: Device) =>
  Math.abs(a - b) <= (device === 'reference' ? 1e-12 : 2e-6) * Math.max(1, Math.abs(b))

/** What does nothing to a row without a gradient: a dense update is that of the touched rows. */
const INDIFFERENT = {
  sgd: (lazy: boolean) => optim.sgd({ lr: 0.1, lazy }),
  adagrad: (lazy: boolean) => optim.adagrad({ lr: 0.1, lazy }),
}

for (const device of DEVICES)
  for (const [name, spec] of Object.entries(INDIFFERENT))
    for (const [how, step] of Object.entries({
      plainly: {},
      'clipped to a norm': { clipNorm: 0.05 },
      'clipped by value': { clipValue: 0.01, clipNorm: 0.02 },
      'in two batches': { accumulate: true },
    }))
      test.serial(`${name}, ${how}, ${device}: as without lazy`, async (t) => {
        const [dense, lazy] = [
          await learn(spec(false), device, step),
          await learn(spec(true), device, step),
        ]
        t.deepEqual(Object.keys(lazy).sort(), Object.keys(dense).sort())
        for (const [key, values] of Object.entries(lazy))
          values.forEach((x, i) => t.true(close(x, dense[key]![i]!, device), `${key} ${i}`))
      })

/** An update of one number by its states: plain equations, in double. */
type Rule = (p: number, g: number, s: number[], step: number) => number

const [LR, B1, B2] = [0.1, 0.8, 0.9]
const adam: Rule = (p, g, s, step) => {
  s[0] = B1 * s[0]! + (1 - B1) * g
  s[1] = B2 * s[1]! + (1 - B2) * g * g
  return p - (LR * (s[0] / (1 - B1 ** step))) / (Math.sqrt(s[1] / (1 - B2 ** step)) + 1e-8)
}
const RULES: Record<string, [optim.OptimizerSpec, Rule]> = {
  adam: [optim.adam({ lr: LR, beta1: B1, beta2: B2, lazy: true }), adam],
  adamw: [
    optim.adamw({ lr: LR, beta1: B1, beta2: B2, weightDecay: 0.5, lazy: true }),
    (p, g, s, step) => adam(p * (1 - LR * 0.5), g, s, step),
  ],
  momentum: [
    optim.sgd({ lr: LR, momentum: 0.7, weightDecay: 0.1, lazy: true }),
    (p, g, s) => p - LR * (s[0] = 0.7 * s[0]! + g + 0.1 * p),
  ],
  rmsprop: [
    optim.rmsprop({ lr: LR, alpha: 0.6, eps: 1e-3, lazy: true }),
    (p, g, s) => p - (LR * g) / (Math.sqrt((s[0] = 0.6 * s[0]! + 0.4 * g * g)) + 1e-3),
  ],
}

for (const device of DEVICES)
  for (const [name, [spec, rule]] of Object.entries(RULES))
    test.serial(
      `${name}, ${device}: rows that no id names stay, with their states; the count of steps is everyone's`,
      async (t) => {
        using table = new nn.Embedding(VOCABULARY, FEATURES, { device, seed: 4 })
        using optimizer = spec.bind(table)
        const values = await numbers(table.weight)
        const states = values.map(() => [0, 0])
        for (const [at, ids] of [[3, 3, 7], [10], [7, 1]].entries()) {
          const up = ids.flatMap((id, i) =>
            Array.from({ length: FEATURES }, (_, f) => Math.sin(id + 3 * f + i)),
          )
          optimizer.zeroGrad()
          scope(() => {
            const y = table.forward(tensor(ids, [ids.length], { device, dtype: 'i32' }))
            y.backward(tensor(up, [ids.length, FEATURES], { device }))
          })
          optimizer.step().dispose()
          t.is(table.weight.grad, null)
          for (const id of new Set(ids))
            for (let f = 0; f < FEATURES; ++f) {
              const gradient = ids.reduce(
                (sum, own, i) => sum + (own === id ? up[i * FEATURES + f]! : 0),
                0,
              )
              const i = id * FEATURES + f
              values[i] = rule(values[i]!, gradient, states[i]!, at + 1)
            }
          const made = await numbers(table.weight)
          made.forEach((x, i) => t.true(close(x, values[i]!, device), `step ${at + 1}, ${i}`))
        }
        const kept = [...optimizer.stateDict().tensors.values()]
        for (const [k, state] of kept.entries()) {
          const made = await numbers(state)
          made.forEach((x, i) => t.true(close(x, states[i]![k]!, device), `state ${k}, ${i}`))
          state.dispose()
        }
      },
    )

test.serial('what is frozen stays, and learns again once it is thawed', async (t) => {
  using net = new Net('cpu')
  using optimizer = optim
    .adam({ lr: 0.1, lazy: true })
    .bind(net, [{ match: 'shapes', frozen: true }])
  const step = async () => {
    const before = [await numbers(net.words.weight), await numbers(net.shapes.weight)]
    optimizer.zeroGrad()
    net.backward([3], [4], [1])
    optimizer.step().dispose()
    const after = [await numbers(net.words.weight), await numbers(net.shapes.weight)]
    return after.map((values, i) => values.some((x, j) => x !== before[i]![j]))
  }
  t.deepEqual(await step(), [true, false])
  net.words.weight.requiresGrad = false
  t.deepEqual(await step(), [false, false])
  net.words.weight.requiresGrad = true
  t.deepEqual(await step(), [true, false])
})

test.serial('a table is dense again for the next optimizer', async (t) => {
  using net = new Net('cpu')
  const lazy = optim.sgd({ lr: 0.1, lazy: true }).bind(net)
  net.backward([3], [4], [1])
  lazy.dispose()
  using optimizer = optim.sgd({ lr: 0.1 }).bind(net)
  net.backward([3], [4], [1])
  t.is((await numbers(net.words.weight.grad!)).filter((x) => x !== 0).length, 2 * FEATURES)
  optimizer.step().dispose()
})

test('what cannot be learned by rows is refused by name', async (t) => {
  const refused = (make: () => unknown, message: RegExp) => t.throws(make, { message })
  using tied = new Net('cpu')
  Object.assign(tied, { again: new nn.Linear(FEATURES, VOCABULARY) })
  const again = (tied as unknown as { again: nn.Linear }).again
  again.weight.dispose()
  again.weight = tied.words.weight
  const { sgd } = optim
  refused(() => sgd({ lazy: true }).bind(tied), /^\[sgd\] lazy: .*not tied.*again\.weight/)
  using bare = new nn.Linear(2, 2)
  refused(
    () => sgd({ lazy: true }).bind(bare),
    /^\[sgd\] lazy: expected a module that has embeddings/,
  )
  refused(() => sgd({ lazy: 1 as unknown as boolean }), /^\[sgd\] lazy: expected true or false/)

  using net = new Net('cpu')
  using optimizer = sgd({ lazy: true }).bind(net)
  scope(() => {
    const whole = ops.sum(net.words.weight)
    t.throws(() => whole.backward(), {
      code: 'ERR_GRAPH',
      message: /words\.weight: its optimizer is lazy.*reshape reads all/,
    })
  })
  const prune = optim.prune({ sparsity: 0.5, parameters: 'words' })
  refused(() => prune.bind(optimizer), /^\[prune\] parameters/)
})

test('a fit learns so; with penalties on a table or noise it is refused', async (t) => {
  const fitted = async (options: object) => {
    using tagger = new Tagger()
    const optimizer = optim.adam({ lr: 0.01, lazy: true })
    return await makeTrainer(tagger).fit({ epochs: 2, optimizer, ...options })
  }
  const { loss } = await fitted({ accumulate: 2, average: optim.average.ema() })
  t.true(Number.isFinite(loss))
  await t.throwsAsync(fitted({ l2: 1e-3 }), { message: /^\[fit\] l2: .*embedding\.weight/ })
  await t.notThrowsAsync(fitted({ l2: { output: 1e-3 } }))
  await t.throwsAsync(fitted({ gradientNoise: 0.1 }), { message: /^\[fit\] gradientNoise: .*lazy/ })
})

test('a language model learns so; resumed it equals the uninterrupted, and tied it is refused', async (t) => {
  const learn = async (fit: Partial<LanguageFitOptions>, options = {}) => {
    await using model = makeModel({ dropout: 0.2, ...options })
    const optimizer = optim.adam({ lr: 0.01, lazy: true })
    await model.fit(text, { ...fitOptions(), optimizer, maxSteps: 9, ...fit })
    return weightsOf(model)
  }
  const whole = await learn({})
  const checkpoint = temporaryDirectory()
  await learn({ checkpoint, maxSteps: 5 })
  t.deepEqual(await learn({ checkpoint, resume: true }), whole)
  const tied = learn({}, { tieWeights: true, embedding: 12 })
  await t.throwsAsync(tied, { message: /^\[adam\] lazy: .*not tied.*output\.weight/ })
})
