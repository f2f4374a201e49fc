import test from 'ava'
import { ops, scope, tensor } from 'rnnative'
import { native } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { identical, near } from '../support/compare.mjs'
import { Draw, ints, reals, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, DEVICES, evaluate, kernels, REFERENCE } from '../support/op.mjs'
import { select, type Op } from '../support/op.mjs'

interface Given {
  gates: Host
  weights: Host
  ids: Host
  lengths: Host | null
  targets: Host
  generated: Host
}

const VOCABULARY = 6
const WIDTH = 9

const losses = (given: Given): Op => ({
  inputs: { ...given },
  differentiable: ['generated', 'gates', 'weights'],
  shapes: { y: given.gates.shape },
  forward: ({ gates, weights, ids, lengths, targets, generated }) => {
    const own = [gates!, weights!, ids!, lengths!, VOCABULARY, targets!, generated!] as const
    return {
      outputs: { y: native.pointerLosses(...own) },
      backward: (up, sinks) => {
        const names = ['generated', 'gates', 'weights']
        const places = [sinks.list(...names), sinks.bits(...names)] as const
        native.pointerLossesBackward(...own, up['y']!, ...places)
      },
    }
  },
})

const mixture = ({ gates, weights, ids, lengths }: Given, logs: Host): Op => ({
  inputs: { gates, weights, ids, lengths, logs },
  differentiable: [],
  shapes: {},
  forward: ({ gates, weights, ids, lengths, logs }) => {
    const own = [gates!, weights!, ids!, lengths!, VOCABULARY, logs!, WIDTH] as const
    return { outputs: { y: native.pointerMixture(...own) } }
  },
})

function draw(seed: number, [T, B, S]: readonly number[], sources = B!): Given {
  const from = new Draw(seed)
  return {
    gates: from.reals([T!, B!], -3, 3),
    weights: from.reals([T!, B!, S!], 0.01, 0.4),
    ids: from.ints([S!, sources], WIDTH),
    lengths: from.ints([sources], S! + 1),
    // Some are to be ignored.
    targets: from.ints([T!, B!], WIDTH + 2),
    generated: from.reals([T!, B!], 0.1, 9),
  }
}

const ignoring = (given: Given): Given => ({
  ...given,
  targets: { ...given.targets, data: given.targets.data.map((w) => (w >= WIDTH ? -100 : w)) },
})

test.serial('pointer losses', async (t) => {
  for (const shape of [
    [1, 1, 1],
    [3, 2, 5],
    [2, 4, 0],
    [0, 2, 3],
    [3, 0, 2],
    [7, 33, 40],
  ]) {
    const given = ignoring(draw(7, shape))
    const large = shape[1]! > 20
    await checkOp(t, losses(given), { large })
    await checkOp(t, losses({ ...given, lengths: null }), { large })
  }
  await checkOp(t, losses(ignoring(draw(8, [2, 6, 70], 2))))
})

/** P of each word of a row, by the definition. */
function definition(given: Given, logs: Host, row: number, sources: number): number[] {
  const [, B, S] = given.weights.shape as [number, number, number]
  const source = Math.floor(row / (B / sources))
  const length = given.lengths?.data[source] ?? S
  const write = length === 0 ? 1 : 1 / (1 + Math.exp(-given.gates.data[row]!))
  return Array.from({ length: WIDTH }, (_, word) => {
    let copied = 0
    for (let j = 0; j < length; ++j)
      if (given.ids.data[j * sources + source] === word) copied += given.weights.data[row * S + j]!
    const known = word < VOCABULARY ? Math.exp(logs.data[row * VOCABULARY + word]!) : 0
    return write * known + (1 - write) * copied
  })
}

test.serial('pointer mixture: by its definition, and the same as the losses', async (t) => {
  for (const [B, S, sources] of [
    [1, 1, 1],
    [4, 5, 2],
    [6, 0, 3],
    [40, 33, 40],
  ] as const) {
    const given = draw(5, [1, B, S], sources)
    const logs = new Draw(3).reals([B, VOCABULARY], -9, -0.1)
    const rows = Array.from({ length: B }, (_, row) => definition(given, logs, row, sources))
    const y = Float64Array.from(rows.flat(), Math.log)
    near(t, await evaluate(mixture(given, logs), REFERENCE), { y }, 1e-12, 'reference', 1)
    for (const variant of kernels()) {
      const got = await evaluate(mixture(given, logs), variant)
      near(t, got, { y }, 1e-5, describe(variant), 1)
      const many = { ...variant, threads: 2 }
      identical(t, await evaluate(mixture(given, logs), many), got, describe(many))
    }
    for (let word = 0; word < WIDTH; ++word) {
      const targets = ints([1, B], new Array<number>(B).fill(word))
      const own = Array.from({ length: B }, (_, row) => -(logs.data[row * VOCABULARY + word] ?? 0))
      const one = { ...given, targets, generated: reals([1, B], own) }
      const made = await evaluate(losses(one), REFERENCE)
      const most = -Math.log(1e-37)
      rows.forEach((row, b) => {
        if (row[word]! > 0) t.true(Math.abs(made['y']![b]! + Math.log(row[word]!)) < 1e-10)
        else t.true(made['y']![b]! > most - 10 && Number.isFinite(made['y']![b]!))
      })
    }
  }
})

test.serial(
  'pointer losses: what is past a length is not read, and what is hardly looked at',
  async (t) => {
    const given = ignoring(draw(11, [4, 3, 6]))
    const lengths = ints([3], [6, 0, 2])
    const upstream = { y: reals([4, 3], new Array<number>(12).fill(1)) }
    const past = (i: number) => i % 6 >= lengths.data[Math.floor(i / 6) % 3]!
    const weights = {
      ...given.weights,
      data: given.weights.data.map((w, i) => (past(i) ? NaN : w)),
    }
    // Of a word of the source alone nothing is seen, or next to nothing.
    const lost = { ...given, lengths, targets: ints([4, 3], new Array<number>(12).fill(WIDTH - 1)) }
    lost.weights = { ...weights, data: weights.data.map((w) => w * 1e-40) }
    for (const variant of allVariants()) {
      const plain = await evaluate(losses({ ...given, lengths }), variant, { upstream })
      const other = losses({ ...given, lengths, weights })
      identical(t, await evaluate(other, variant, { upstream }), plain, describe(variant))
      const made = await evaluate(losses(lost), variant, { upstream })
      for (const [name, values] of Object.entries(made))
        t.true(values.every(Number.isFinite), `${describe(variant)}: ${name}`)
      t.true(made['grad weights']!.every((slope) => slope === 0))
      // Where the source is empty all is written, whatever the gate.
      t.true(made['grad gates']!.every((slope, i) => (i % 3 === 1 ? slope === 0 : slope > 0)))
    }
  },
)

test.serial('pointer: lengths and ids out of range', async (t) => {
  for (const variant of allVariants()) {
    select(variant)
    const given = draw(6, [1, 2, 3])
    const run = async (ids: number[], lengths: number[], message: string) => {
      const hosts = { ...given, ids: ints([3, 2], ids), lengths: ints([2], lengths) }
      const names = ['gates', 'weights', 'ids', 'lengths'] as const
      const [a, b, c, d] = names.map((name) => upload(variant.device, hosts[name]))
      const logs = upload(variant.device, new Draw(1).reals([2, VOCABULARY]))
      const made = native.pointerMixture(a!, b!, c!, d!, VOCABULARY, logs, WIDTH)
      await t.throwsAsync(native.read(made), { code: 'ERR_INDEX', message })
      for (const one of [a, b, c, d, logs, made]) native.dispose(one!)
    }
    await run([0, 1, 2, 9, 0, 0], [1, 1], '[pointer_mixture] id 9 at position 3: expected 0..8')
    await run([0, 1, 2, -1, 0, 0], [1, 1], '[pointer_mixture] id -1 at position 3: expected 0..8')
    await run([0, 1, 2, 3, 0, 0], [3, 4], '[pointer_mixture] length 4 at position 1: expected 0..3')
  }
})

test.serial(
  'ops.pointerLosses has gradients, ops.pointerMixture rows for each source',
  async (t) => {
    for (const device of DEVICES) {
      const [gates, weights] = [
      tensor([[0, 0]], undefined, { device, requiresGrad: true }),
      tensor([[[1, 0], [0.5, 0.5]]], undefined, { device, requiresGrad: true }),
    ] // prettier-ignore
      const ids = tensor(Int32Array.of(3, 0), [2, 1], { device })
      const words = tensor(Int32Array.of(3, 0), [1, 2], { device })
      const nats = tensor([[0, Math.log(4)]], undefined, { device })
      scope(() => {
        const options = { gates, weights, ids, vocabulary: 3, lengths: [2] }
        ops.sum(ops.pointerLosses(nats, words, options)).backward()
      })
      const slopes = await gates.grad!.data()
      // The first is copied alone; of the second a third is written.
      t.true(Math.abs(slopes[0]! - 0.5) < 1e-6 && Math.abs(slopes[1]! - (0.5 - 1 / 3)) < 1e-6)
      t.true((await weights.grad!.data())[0]! < 0)
      const logs = tensor(new Float64Array(6).fill(-Math.log(3)), [2, 3], { device })
      const all = ops.pointerMixture(logs, { gates, weights, ids, width: 4 })
      const values = Float64Array.from(await all.data())
      t.true(Math.abs(Math.exp(values[3]!) - 0.5) < 1e-6)
      for (const row of [0, 1]) {
        const sum = values.slice(row * 4, row * 4 + 4).reduce((one, y) => one + Math.exp(y), 0)
        t.true(Math.abs(sum - 1) < 1e-6)
      }
      t.throws(() => ops.pointerMixture(logs, { gates, weights, ids, width: 2 }), {
        message: /^\[pointerMixture\] width: /,
      })
    }
  },
)
