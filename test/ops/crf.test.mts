import test from 'ava'
import { decode, nn, ops, scope, tensor } from 'rnnative'
import { native, type NativeTensor } from '#dist/native/index.js'
import { checkOp } from '../support/check.mjs'
import { identical, near } from '../support/compare.mjs'
import { Draw, ints, poisoned, reals, upload, type Host } from '../support/host.mjs'
import { allVariants, describe, DEVICES, evaluate, kernels, REFERENCE } from '../support/op.mjs'
import { select, type Op } from '../support/op.mjs'

interface Field {
  emissions: Host
  transitions: Host
  start: Host
  end: Host
  tags: Host
  lengths: Host | null
}

const crf = (field: Field): Op => ({
  inputs: { ...field },
  differentiable: ['emissions', 'transitions', 'start', 'end'],
  shapes: { y: [field.emissions.shape[1] as number] },
  forward: ({ emissions, transitions, start, end, tags, lengths }) => {
    const own = [emissions!, transitions!, start!, end!, tags!, lengths!] as const
    const { likelihoods, reserve } = native.crf(...own, true)
    return {
      outputs: { y: likelihoods },
      extra: [reserve],
      backward: (up, sinks) => {
        const names = ['emissions', 'transitions', 'start', 'end']
        native.crfBackward(
          ...own,
          ...([reserve as NativeTensor, up['y']!] as const),
          ...([sinks.list(...names), sinks.bits(...names)] as const),
        )
      },
    }
  },
})

function draw(seed: number, [T, B, K]: readonly number[], scale = 2): Field {
  const from = new Draw(seed)
  const real = (...shape: number[]) => from.reals(shape, -scale, scale)
  return {
    emissions: real(T!, B!, K!),
    transitions: real(K!, K!),
    start: real(K!),
    end: real(K!),
    tags: from.ints([T!, B!], K!),
    lengths: from.ints([B!], T! + 1),
  }
}

const cutTags = ({ tags, lengths }: Field): Field['tags'] => {
  const [, B] = tags.shape as [number, number]
  const past = (i: number) => Math.floor(i / B) >= (lengths?.data[i % B] ?? Infinity)
  return { ...tags, data: (tags.data as Int32Array).map((tag, i) => (past(i) ? -7 : tag)) }
}

test.serial('crf', async (t) => {
  for (const shape of [
    [1, 1, 1],
    [2, 3, 2],
    [5, 1, 4],
    [4, 3, 9],
    [7, 33, 17],
    [0, 2, 3],
    [3, 0, 2],
    [3, 2, 33],
    [4, 2, 50],
  ]) {
    const field = draw(7, shape)
    const large = shape[2]! > 20 || shape[1]! > 20
    // Of one tag, every likelihood is 0.
    const floor = shape[2] === 1 ? 1 : 0
    await checkOp(t, crf({ ...field, tags: cutTags(field) }), { large, floor })
    await checkOp(t, crf({ ...field, lengths: null }), { large, floor })
  }
  await checkOp(t, crf(draw(8, [6, 40, 70])), { large: true })
  await checkOp(t, crf(draw(9, [3, 3, 256])), { large: true })
})

test.serial('crf: what is past a length is not read, whatever it is', async (t) => {
  const field = draw(11, [9, 6, 5])
  const lengths = [9, 0, 1, 4, 8, 0]
  const given = { ...field, lengths: ints([6], lengths) }
  const upstream = { y: reals([6], [1, 2, -1, 0.5, 3, 1]) }
  for (const variant of allVariants()) {
    const plain = await evaluate(crf(given), variant, { upstream })
    const emissions = poisoned(field.emissions, lengths)
    const other = crf({ ...given, emissions, tags: cutTags(given) })
    identical(t, await evaluate(other, variant, { upstream }), plain, describe(variant))
    t.is(plain['y']![1], 0)
  }
})

/** All sequences of tags, with their scores. */
function paths({ emissions, transitions, start, end }: Field, length: number, row: number) {
  const [, B, K] = emissions.shape as [number, number, number]
  let all: { tags: number[]; score: number }[] = [{ tags: [], score: 0 }]
  for (let step = 0; step < length; ++step)
    all = all.flatMap(({ tags, score }) =>
      Array.from({ length: K }, (_, k) => {
        const before = tags.at(-1)
        const way = before === undefined ? start.data[k]! : transitions.data[before * K + k]!
        const own = emissions.data[(step * B + row) * K + k]!
        return { tags: [...tags, k], score: score + way + own }
      }),
    )
  if (length > 0) for (const path of all) path.score += end.data[path.tags.at(-1)!]!
  return all
}

test.serial('crf: all paths of lengths 0 to 5 and 1 to 4 tags', async (t) => {
  for (let K = 1; K <= 4; ++K)
    for (let T = 1; T <= 5; ++T) {
      const one = draw(K * 10 + T, [T, 1, K])
      const all = paths(one, T, 0)
      const B = all.length
      const repeat = Array.from({ length: T }, (_, step) =>
        Array.from({ length: B }, () => [...one.emissions.data.slice(step * K, step * K + K)]),
      )
      const field: Field = {
        ...one,
        emissions: reals([T, B, K], repeat.flat(2)),
        tags: ints(
          [T, B],
          Array.from({ length: T }, (_, s) => all.map(({ tags }) => tags[s]!)).flat(),
        ),
        lengths: null,
      }
      const total = Math.log(all.reduce((sum, { score }) => sum + Math.exp(score), 0))
      const expected = { y: Float64Array.from(all, ({ score }) => score - total) }
      const scores = {
        tags: K,
        transitions: one.transitions.data,
        start: one.start.data,
        end: one.end.data,
      }
      near(t, await evaluate(crf(field), REFERENCE), expected, 1e-12, 'reference', 1)
      for (const variant of kernels()) {
        const got = await evaluate(crf(field), variant)
        near(t, got, expected, 1e-5, describe(variant), 1)
        const sum = got['y']!.reduce((all, y) => all + Math.exp(y), 0)
        t.true(Math.abs(sum - 1) < 1e-5, `${describe(variant)}: likelihoods sum to ${sum}`)
      }
      // The same of decoding.
      all.sort((a, b) => b.score - a.score)
      t.deepEqual([...decode.viterbi(one.emissions.data, scores)], all[0]?.tags)
      const best = decode.kBest(one.emissions.data, scores, 7)
      t.deepEqual(
        best.map(({ tags }) => [...tags]),
        all.slice(0, 7).map(({ tags }) => tags),
      )
      const found = decode.marginals(one.emissions.data, scores)
      t.true(Math.abs(found.total - total) < 1e-10)
      for (let step = 0; step < T; ++step)
        for (let k = 0; k < K; ++k) {
          const those = all.filter(({ tags }) => tags[step] === k)
          const p = those.reduce((sum, { score }) => sum + Math.exp(score - total), 0)
          t.true(Math.abs(p - found.probabilities[step * K + k]!) < 1e-10)
        }
      const [begin, end] = [Math.floor(T / 3), T]
      const part = all[0]!.tags.slice(begin, end)
      const those = all.filter(({ tags }) => part.every((tag, i) => tags[begin + i] === tag))
      const p = those.reduce((sum, { score }) => sum + Math.exp(score - total), 0)
      t.true(Math.abs(Math.log(p) - found.logOf(begin, part)) < 1e-10)
    }
  const none = { tags: 2, transitions: [0, 0, 0, 0], start: [0, 0], end: [0, 0] }
  t.deepEqual(decode.viterbi([], none), new Int32Array(0))
  t.is(decode.marginals([], none).total, 0)
})

test.serial('crf: scores of thousands, and what is forbidden', async (t) => {
  const upstream = { y: reals([4], [1, 1, 1, 1]) }
  const expectNear = async (field: Field, what: string) => {
    const expected = await evaluate(crf(field), REFERENCE, { upstream })
    for (const variant of kernels(2))
      near(
        t,
        await evaluate(crf(field), variant, { upstream }),
        expected,
        1e-5,
        `${describe(variant)}: ${what}`,
      )
    return expected
  }
  await expectNear({ ...draw(3, [6, 4, 5], 10000), lengths: ints([4], [6, 1, 5, 0]) }, 'thousands')
  await expectNear({ ...draw(4, [20, 4, 18], 300), lengths: null }, 'hundreds')

  // Tag 1 follows 0 alone, and none follows itself; the first must be 0 or 2, the last not 0.
  const field = { ...draw(5, [5, 4, 3]), lengths: ints([4], [5, 4, 1, 2]) }
  const never = -Infinity
  field.transitions.data = field.transitions.data.map((x, i) =>
    [0, 4, 7, 8].includes(i) ? never : x,
  )
  field.start.data[1] = never
  field.end.data[0] = never
  field.tags = ints([5, 4], [0, 0, 2, 0, 1, 1, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0])
  const allowed = await expectNear(field, 'forbidden')
  t.true(allowed['y']!.every((y) => Number.isFinite(y) && y <= 0))
  for (const i of [0, 4, 7, 8]) t.is(allowed['grad transitions']![i], 0)

  // Tags that are forbidden, and rows without any that are allowed.
  field.tags.data[0] = 1
  const wrong = await expectNear(field, 'tags that are forbidden')
  t.is(wrong['y']![0], never)
  field.end.data = field.end.data.map(() => never)
  const nothing = await expectNear(field, 'nothing is allowed')
  t.deepEqual([...nothing['y']!], [never, never, never, never])
  t.true(nothing['grad emissions']!.every((x) => x === 0))
})

test.serial('crf: tags and lengths out of range', async (t) => {
  for (const variant of allVariants()) {
    select(variant)
    const field = draw(6, [2, 2, 3])
    const run = async (tags: number[], lengths: number[], message: string) => {
      const hosts = { ...field, tags: ints([2, 2], tags), lengths: ints([2], lengths) }
      const [a, b, c, d, e, f] = (
        ['emissions', 'transitions', 'start', 'end', 'tags', 'lengths'] as const
      ).map((name) => upload(variant.device, hosts[name]))
      const { likelihoods } = native.crf(a!, b!, c!, d!, e!, f!, false)
      await t.throwsAsync(native.read(likelihoods), { code: 'ERR_INDEX', message })
      for (const made of [a, b, c, d, e, f, likelihoods]) native.dispose(made!)
    }
    await run([0, 1, 3, 2], [2, 2], '[crf] tag 3 at position 2: expected 0..2')
    await run([0, -1, 0, 0], [2, 1], '[crf] tag -1 at position 1: expected 0..2')
    await run([0, 0, 0, 0], [2, 3], '[crf] length 3 at position 1: expected 0..2')
  }
})

test.serial('nn.CRF learns, and forbids', async (t) => {
  for (const device of DEVICES) {
    const yes = [true, true, true]
    const transitions = [yes, [true, false, true], yes]
    const field = new nn.CRF(3, { device, seed: 1, allowed: { transitions, start: yes, end: yes } })
    const [emissions, tags] = [
      tensor([[[1, 0, 0]], [[0, 1, 0]], [[0, 1, 0]]], undefined, { device }),
      tensor(Int32Array.of(0, 1, 2), [3, 1], { device }),
    ]
    const before = scope(() => field.forward(emissions, tags, { lengths: [3] }))
    scope(() => ops.sum(field.forward(emissions, tags)).backward())
    const slopes = await field.transitions.grad!.data()
    t.true(slopes[4] === 0)
    t.true(slopes[1]! > 0)
    t.true((await before.data())[0]! < 0)
    const scores = await field.scores()
    t.is(scores.transitions[4], -Infinity)
    t.notDeepEqual([...decode.viterbi(await emissions.data(), scores)].slice(1), [1, 1])
    field.dispose()
  }
  const bad = { transitions: [[true]], start: [true], end: [true] }
  t.throws(() => new nn.CRF(2, { allowed: bad }), { message: /^\[crf\] allowed\.start: / })
  t.throws(() => new nn.CRF(257), { message: /^\[crf\] tags: expected at most 256/ })
})
