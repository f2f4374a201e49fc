import test from 'ava'
import { native } from '#dist/native/index.js'
import { ops, tensor } from 'rnnative'
import { Draw, handleOf } from '../support/host.mjs'
import { allVariants, describe, kernels, select, type Variant } from '../support/op.mjs'

const VARIANTS = [...allVariants(), ...kernels(1)]

interface Continuations {
  sentences: number
  beams: number
  vocabulary: number
  k: number
  end: number
  known: number
  unknown: number
  indices: Int32Array
  scores: Float64Array
}

function expected(given: Continuations) {
  const { sentences, beams, vocabulary, k, end, known, unknown, indices, scores } = given
  return Array.from({ length: sentences }, (_, s) => {
    const own = Array.from({ length: k }, (_, i) => s * k + i)
    const live = own.filter((i) => indices[i]! >= 0 && indices[i]! % vocabulary !== end)
    return Array.from({ length: k }, (_, i) => {
      const at = live[i]
      if (at === undefined) return [end, s * beams, -Infinity]
      const token = indices[at]! % vocabulary
      return [
        token < known ? token : unknown,
        s * beams + Math.floor(indices[at]! / vocabulary),
        scores[at]! - scores[live[0]!]!,
      ]
    })
  }).flat() as [number, number, number][]
}

async function run(variant: Variant, given: Continuations) {
  select(variant)
  const { device } = variant
  const { sentences, k, vocabulary, end, beams, known, unknown } = given
  const dtype = device === 'reference' ? 'f64' : 'f32'
  using indices = tensor(given.indices, [sentences, k], { device })
  using scores = tensor(given.scores, [sentences, k], { device, dtype })
  const made = ops.extendBeams({ indices, scores }, { vocabulary, end, beams, known, unknown })
  const [tokens, rows, values] = [
    await made.tokens.data(),
    await made.rows.data(),
    await made.scores.data(),
  ]
  for (const x of [made.tokens, made.rows, made.scores]) x.dispose()
  return Array.from(tokens, (token, i) => [token, rows[i]!, values[i]!])
}

function draw(sentences: number, beams: number, vocabulary: number, k: number): Continuations {
  const source = new Draw(sentences + k)
  const indices = source.ints([sentences * k], beams * vocabulary).data as Int32Array
  // Of what is not there, the last ones.
  for (let s = 0; s < sentences; s += 2) indices.fill(-1, s * k + (k >> 1) + 1, (s + 1) * k)
  const scores = source.reals([sentences * k], -4, 0).data as Float64Array
  const known = Math.max(1, vocabulary - 2)
  return {
    ...{ sentences, beams, vocabulary, k, known, unknown: known - 1 },
    ...{ end: vocabulary > 1 ? 1 : 0, indices, scores: scores.map(Math.fround) },
  }
}

test.serial('continuations that go on, and rows of no use', async (t) => {
  for (const sizes of [
    [1, 1, 1, 1],
    [1, 5, 10, 5],
    [3, 2, 3, 4],
    [257, 3, 7, 6],
    [2, 4, 50_000, 33],
    [0, 2, 5, 3],
  ] as [number, number, number, number][]) {
    const given = draw(...sizes)
    const wanted = expected(given)
    for (const variant of VARIANTS) {
      const found = await run(variant, given)
      t.deepEqual(
        found.map(([token, row]) => [token, row]),
        wanted.map(([token, row]) => [token, row]),
        describe(variant),
      )
      found.forEach(([, , score], i) =>
        t.true(Object.is(score, wanted[i]![2]) || Math.abs(score! - wanted[i]![2]) < 1e-6),
      )
    }
  }
})

test.serial('none goes on', async (t) => {
  const given = { ...draw(2, 2, 4, 3), indices: Int32Array.of(1, 5, -1, -1, -1, -1) }
  for (const variant of VARIANTS)
    t.deepEqual(
      await run(variant, given),
      [0, 0, 0, 2, 2, 2].map((row) => [1, row, -Infinity]),
    )
})

test.serial('continuations of other rows fail the results', async (t) => {
  for (const variant of VARIANTS)
    for (const bad of [20, -2]) {
      const given = { ...draw(1, 2, 10, 3), indices: Int32Array.of(0, bad, 1) }
      await t.throwsAsync(run(variant, given), {
        code: 'ERR_INDEX',
        message: `[extend_beams] continuation ${bad} at position 1: expected 0..19`,
      })
    }
})

test.serial('nonsense is refused', (t) => {
  using indices = tensor(Int32Array.of(0, 1), [1, 2])
  using scores = tensor(new Float32Array(2), [1, 2])
  const call = (options: object) =>
    ops.extendBeams({ indices, scores }, { vocabulary: 5, end: 0, ...options })
  const bad: [object, RegExp][] = [
    [{ vocabulary: 0 }, /vocabulary: expected/],
    [{ end: 5 }, /end: expected 0\.\.4, got 5/],
    [{ beams: 0 }, /beams: expected/],
    [{ known: 6 }, /known: expected 1\.\.5, got 6/],
    [{ known: 3, unknown: 3 }, /unknown: expected 0\.\.2, got 3/],
    [{ vocabulary: 2 ** 30, beams: 4 }, /vocabulary: expected/],
  ]
  for (const [options, message] of bad)
    t.throws(() => call(options), { code: 'ERR_ARGUMENT', message })
  using flat = tensor(new Float32Array(2), [2])
  t.throws(() => ops.extendBeams({ indices, scores: flat }, { vocabulary: 5, end: 0 }), {
    code: 'ERR_SHAPE',
  })
  t.throws(() => native.extendBeams(handleOf(scores), handleOf(scores), 1, 5, 0, 5, 0), {
    code: 'ERR_DTYPE',
  })
})
