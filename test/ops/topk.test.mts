import test from 'ava'
import { native } from '#dist/native/index.js'
import { ops, tensor, type DeviceName } from 'rnnative'
import { Draw, handleOf } from '../support/host.mjs'
import { allVariants, describe, kernels, select, type Variant } from '../support/op.mjs'

const VARIANTS = [...allVariants(), ...kernels(1)]
const real = (device: DeviceName) => (device === 'reference' ? 'f64' : 'f32')

interface Search {
  sentences: number
  beams: number
  vocabulary: number
  k: number
  logits: Float64Array
  scores: Float64Array
  penalties: ops.Penalties | null
}

/** Everything scored in double and sorted. */
function expected({ sentences, beams, vocabulary, k, logits, scores, penalties }: Search) {
  const all = Array.from(scores, (score, row) => {
    const own = Array.from(logits.slice(row * vocabulary, (row + 1) * vocabulary))
    const most = Math.max(...own)
    const total = own.reduce((sum, y) => sum + Math.exp(y - most), 0)
    return own.map((x) => score + x - most - Math.log(total))
  }).flat()
  penalties?.rows.forEach((row: number, i: number) => {
    all[row * vocabulary + penalties.tokens[i]!]! += penalties.values[i]!
  })
  return Array.from({ length: sentences }, (_, s) => {
    const own = all.slice(s * beams * vocabulary, (s + 1) * beams * vocabulary)
    const order = own.map((_, i) => i).filter((i) => own[i]! > -Infinity)
    order.sort((a, b) => own[b]! - own[a]! || a - b)
    return Array.from({ length: k }, (_, i) =>
      i < order.length ? [order[i]!, own[order[i]!]!] : [-1, -Infinity],
    )
  }).flat() as [number, number][]
}

async function run(variant: Variant, search: Search) {
  select(variant)
  const { device } = variant
  const { sentences, beams, vocabulary, k, penalties } = search
  const options = { device, dtype: real(device) } as const
  using logits = tensor(search.logits, [sentences * beams, vocabulary], options)
  using scores = tensor(search.scores, [sentences * beams], options)
  const made = ops.topk(logits, scores, { beams, k, penalties })
  const [indices, values] = [await made.indices.data(), await made.scores.data()]
  made.indices.dispose()
  made.scores.dispose()
  return { indices: [...indices], scores: [...values] }
}

function draw(sentences: number, beams: number, vocabulary: number, k: number, seed = 1): Search {
  const source = new Draw(seed)
  const rows = sentences * beams
  return {
    ...{ sentences, beams, vocabulary, k, penalties: null },
    logits: source.reals([rows, vocabulary], -4, 4).data as Float64Array,
    scores: source.reals([rows], -3, 0).data as Float64Array,
  }
}

async function check(t: import('ava').ExecutionContext, search: Search): Promise<void> {
  const wanted = expected(search)
  for (const variant of VARIANTS) {
    const { indices, scores } = await run(variant, search)
    t.deepEqual(
      indices,
      wanted.map(([index]) => index),
      describe(variant),
    )
    const tolerance = variant.device === 'reference' ? 1e-12 : 1e-5
    t.true(
      scores.every(
        (x, i) => Object.is(x, wanted[i]![1]) || Math.abs(x - wanted[i]![1]) < tolerance,
      ),
    )
  }
}

test.serial('the best of all beams and tokens, sorted', async (t) => {
  for (const [sentences, beams, vocabulary, k] of [
    [1, 1, 1, 1],
    [2, 3, 5, 4],
    [3, 2, 17, 34],
    [1, 5, 1000, 10],
    [7, 4, 333, 8],
    [2, 3, 9001, 40],
  ] as const)
    await check(t, draw(sentences, beams, vocabulary, k))
})

test.serial('penalties, and rows and tokens that must not go on', async (t) => {
  const search = draw(3, 2, 40, 5)
  search.scores[3] = -Infinity
  search.logits.fill(NaN, 3 * 40, 4 * 40) // not read
  await check(t, {
    ...search,
    logits: search.logits.map((x) => (Number.isNaN(x) ? 0 : x)),
    penalties: {
      rows: [5, 0, 0, 2, 5, 1, 0],
      tokens: [39, 3, 3, 0, 7, 20, 11],
      values: [9, 1.5, 2, -Infinity, -Infinity, 3, -8],
    },
  })
  const one = await run(VARIANTS.at(-1)!, search)
  const clean = await run(VARIANTS.at(-1)!, {
    ...search,
    logits: search.logits.map((x) => (Number.isNaN(x) ? 0 : x)),
  })
  t.deepEqual(one, clean)
})

test.serial('fewer than k are possible', async (t) => {
  const search = draw(2, 2, 3, 6)
  search.scores.set([-1, -Infinity, -Infinity, -Infinity])
  await check(t, search)
})

test.serial('of equals the lower index comes first', async (t) => {
  const search = draw(1, 3, 50, 60)
  search.logits.fill(1)
  search.scores.fill(-2)
  for (const variant of VARIANTS) {
    const { indices } = await run(variant, search)
    t.deepEqual(
      indices,
      Array.from({ length: 60 }, (_, i) => i),
      describe(variant),
    )
  }
})

test.serial('a sentence does as well alone', async (t) => {
  const search = draw(4, 2, 77, 6)
  for (const variant of VARIANTS) {
    const together = await run(variant, search)
    for (const s of [0, 1, 2, 3]) {
      const alone = await run(variant, {
        ...{ ...search, sentences: 1 },
        logits: search.logits.slice(s * 154, (s + 1) * 154),
        scores: search.scores.slice(s * 2, (s + 1) * 2),
      })
      t.deepEqual(alone.indices, together.indices.slice(s * 6, (s + 1) * 6))
      t.deepEqual(alone.scores, together.scores.slice(s * 6, (s + 1) * 6))
    }
  }
})

test.serial('logits that cannot be ranked fail the results', async (t) => {
  for (const variant of VARIANTS)
    for (const bad of [[NaN], [Infinity], new Array<number>(7).fill(-Infinity)]) {
      const search = draw(3, 2, 7, 4)
      search.logits.set(bad, 3 * 7)
      await t.throwsAsync(run(variant, search), {
        code: 'ERR_NONFINITE',
        message: '[topk] row 3: expected scores with a finite maximum and no NaN',
      })
    }
})

test.serial('nonsense is refused', async (t) => {
  using logits = tensor(new Float32Array(12), [4, 3])
  using scores = tensor(new Float32Array(4), [4])
  const call = (options: ops.TopkOptions) => ops.topk(logits, scores, options)
  t.throws(() => call({ beams: 3, k: 1 }), { message: /\[topk\] beams: expected a divisor of/ })
  t.throws(() => call({ beams: 2, k: 7 }), { message: '[topk] k: expected 1..6, got 7' })
  const bad = call({ k: 1, penalties: { rows: [4], tokens: [0], values: [1] } })
  await t.throwsAsync(bad.scores.data(), {
    code: 'ERR_INDEX',
    message: '[topk] penalty row 4 at position 0: expected 0..3',
  })
  t.throws(() => native.topk(handleOf(logits), handleOf(scores), 1, 0, null, null, null), {
    code: 'ERR_ARGUMENT',
  })
})

test.serial('takeRows reorders the batch of states', async (t) => {
  using x = tensor(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [2, 3, 2],
  )
  using y = ops.takeRows(x, [2, 2, 0])
  t.deepEqual([...y.shape], [2, 3, 2])
  t.deepEqual([...(await y.data())], [4, 5, 4, 5, 0, 1, 10, 11, 10, 11, 6, 7])
  using flat = tensor(Float32Array.of(1, 2, 3), [3, 1])
  using z = ops.takeRows(flat, Int32Array.of(1, 0))
  t.deepEqual([...(await z.data())], [2, 1])
  t.throws(() => ops.takeRows(flat, [3]), { code: 'ERR_INDEX' })
})

test.serial('takeRows takes rows that only the device knows', async (t) => {
  const numbers = Float64Array.from({ length: 24 }, (_, i) => i)
  for (const device of ['cpu', 'reference'] as DeviceName[])
    for (const shape of [
      [12, 2],
      [1, 6, 4],
      [3, 4, 2],
    ]) {
      using x = tensor(numbers, shape, { device, dtype: real(device) })
      using which = tensor(Int32Array.of(3, 0, 3), [3], { device })
      using taken = ops.takeRows(x, which)
      using wanted = ops.takeRows(x, [3, 0, 3])
      t.deepEqual(taken.shape, wanted.shape)
      t.deepEqual(await taken.data(), await wanted.data())
      using bad = tensor(Int32Array.of(0, 12), [2], { device })
      using failed = ops.takeRows(x, bad)
      await t.throwsAsync(failed.data(), { code: 'ERR_INDEX' })
      using square = tensor(Int32Array.of(0, 1), [1, 2], { device })
      t.throws(() => ops.takeRows(x, square), { code: 'ERR_SHAPE' })
    }
})
