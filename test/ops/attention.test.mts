import test from 'ava'
import { native } from '#dist/native/index.js'
import type { AttentionScore } from '#dist/ops/attention.js'
import { checkGolden, checkOp, drawUpstream } from '../support/check.mjs'
import { identical, near } from '../support/compare.mjs'
import { golden } from '../support/golden.mjs'
import { cut, Draw, ints, poisoned, upload, type Host } from '../support/host.mjs'
import {
  allVariants,
  describe,
  evaluate,
  kernels,
  REFERENCE,
  select,
  type Op,
} from '../support/op.mjs'

const SCORES: AttentionScore[] = ['additive', 'dot', 'scaled_dot']
const VARIANTS = allVariants()
const NAMES = ['queries', 'keys', 'values', 'v']

function attention(
  score: AttentionScore,
  given: Record<string, Host | null>,
  upstream: readonly string[] = ['context', 'weights'],
): Op {
  const [steps, batch] = given['queries']!.shape as [number, number]
  const [time, , width] = given['values']!.shape as [number, number, number]
  const all: Record<string, number[]> = {
    context: [steps, batch, width],
    weights: [steps, batch, time],
  }
  const inputs: Record<string, Host | null> = {}
  for (const name of [...NAMES, 'queryLengths', 'memoryLengths']) inputs[name] = given[name] ?? null
  return {
    inputs,
    differentiable: score === 'additive' ? NAMES : NAMES.slice(0, 3),
    shapes: Object.fromEntries(upstream.map((name) => [name, all[name] as number[]])),
    forward({ queries, keys, values, v, queryLengths, memoryLengths }) {
      const args = [score, queries!, keys!, values!, v!, queryLengths!, memoryLengths!] as const
      const { context, weights } = native.attention(...args)
      return {
        outputs: { context, weights },
        backward: (up, sinks) =>
          native.attentionBackward(
            ...args,
            weights,
            up['context'] ?? null,
            up['weights'] ?? null,
            sinks.list(...NAMES),
            sinks.bits(...NAMES),
          ),
      }
    },
  }
}

interface Sizes {
  steps: number
  time: number
  batch: number
  features: number
  width: number
}

interface Drawing {
  queryLengths?: readonly number[]
  memoryLengths?: readonly number[]
  seed?: number
  /** Of queries and keys. */
  range?: number
}

function draw(
  score: AttentionScore,
  { steps, time, batch, features, width }: Sizes,
  { queryLengths, memoryLengths, seed = 1, range = 1 }: Drawing = {},
): Record<string, Host | null> {
  const source = new Draw(seed)
  const scale = 3 / Math.sqrt(features)
  return {
    queries: source.reals([steps, batch, features], -range, range),
    keys: source.reals([time, batch, features], -range, range),
    values: source.reals([time, batch, width]),
    v: score === 'additive' ? source.reals([features], -scale, scale) : null,
    queryLengths: queryLengths ? ints([batch], queryLengths) : null,
    memoryLengths: memoryLengths ? ints([batch], memoryLengths) : null,
  }
}

for (const { name, settings, tensors } of await golden<{ score: AttentionScore }>('attention'))
  test.serial(`PyTorch: ${name}`, async (t) => {
    const { dcontext, dweights, query_lengths, memory_lengths, ...rest } = tensors
    const given = {
      ...rest,
      queryLengths: query_lengths ?? null,
      memoryLengths: memory_lengths ?? null,
    }
    const upstream = { context: dcontext!, weights: dweights! }
    await checkGolden(t, attention(settings.score, given), upstream, tensors)
  })

for (const score of SCORES) {
  test.serial(`${score}: small shapes`, async (t) => {
    for (const [steps, time, batch, features, width] of [
      [1, 1, 1, 1, 1],
      [1, 3, 1, 2, 5],
      [3, 1, 2, 5, 3],
      [2, 5, 3, 17, 1],
      [5, 2, 1, 3, 17],
      [4, 4, 2, 8, 16],
    ] as const)
      await checkOp(t, attention(score, draw(score, { steps, time, batch, features, width })))
  })

  test.serial(`${score}: shapes around vectors and tiles`, async (t) => {
    for (const [steps, time, batch, features, width] of [
      [7, 9, 3, 33, 47],
      [13, 31, 5, 64, 128],
      [30, 30, 2, 100, 33],
      [1, 50, 7, 129, 70],
      [2, 17, 4, 48, 24],
      [19, 150, 2, 37, 300],
    ] as const) {
      const op = attention(score, draw(score, { steps, time, batch, features, width }))
      await checkOp(t, op, { large: true, threads: [1, 2, 3] })
    }
  })

  test.serial(`${score}: lengths`, async (t) => {
    const sizes = { steps: 4, time: 3, batch: 4, features: 5 }
    for (const lengths of [
      { memoryLengths: [3, 1, 0, 2] },
      { queryLengths: [0, 4, 2, 1] },
      { queryLengths: [0, 4, 2, 1], memoryLengths: [3, 1, 0, 2] },
      { queryLengths: [0, 0, 0, 0], memoryLengths: [0, 0, 0, 0] },
    ]) {
      for (const width of [6, 16]) {
        const op = attention(score, draw(score, { ...sizes, width }, lengths))
        // Where nothing attends all gradients are zero.
        await checkOp(t, op, { floor: 1e-3 })
      }
    }
  })

  test.serial(`${score}: padding is never read, and zero in results`, async (t) => {
    const sizes = { steps: 5, time: 6, batch: 4, features: 7, width: 9 }
    const lengths = { queryLengths: [5, 2, 3, 0], memoryLengths: [4, 6, 0, 3] }
    const given = draw(score, sizes, lengths)
    const op = attention(score, given)
    const upstream = drawUpstream(op, 4)
    const { queryLengths, memoryLengths } = lengths
    const dirty = attention(score, {
      ...given,
      queries: poisoned(given['queries']!, queryLengths),
      keys: poisoned(given['keys']!, memoryLengths),
      values: poisoned(given['values']!, memoryLengths),
    })
    const dirtyUpstream = {
      context: poisoned(upstream['context']!, queryLengths),
      weights: poisoned(upstream['weights']!, queryLengths),
    }
    for (const variant of VARIANTS) {
      const clean = await evaluate(op, variant, { upstream })
      const actual = await evaluate(dirty, variant, { upstream: dirtyUpstream })
      identical(t, actual, clean, describe(variant))
      for (const values of Object.values(actual)) t.true(values.every(Number.isFinite))
      for (const [name, ends] of [
        ['context', queryLengths],
        ['weights', queryLengths],
        ['grad queries', queryLengths],
        ['grad keys', memoryLengths],
        ['grad values', memoryLengths],
      ] as const) {
        const shape = name.startsWith('grad ') ? given[name.slice(5)]!.shape : op.shapes[name]!
        const padding = poisoned({ shape, data: actual[name] as Float64Array }, ends)
        const padded = [...padding.data].flatMap((x, i) => (Number.isNaN(x) ? [i] : []))
        t.true(padded.every((i) => actual[name]![i] === 0))
      }
    }
  })

  test.serial(`${score}: a row does as well alone, cut to its lengths`, async (t) => {
    const sizes = { steps: 5, time: 6, batch: 3, features: 11, width: 9 }
    const [queryLengths, memoryLengths] = [
      [5, 2, 3],
      [4, 6, 1],
    ]
    const given = draw(score, sizes, { queryLengths, memoryLengths })
    for (const variant of VARIANTS) {
      const together = await evaluate(attention(score, given), variant)
      for (const b of [0, 1, 2]) {
        const [steps, time] = [queryLengths[b] as number, memoryLengths[b] as number]
        const single = {
          queries: cut(given['queries']!, b, steps),
          keys: cut(given['keys']!, b, time),
          values: cut(given['values']!, b, time),
          v: given['v']!,
        }
        const alone = await evaluate(attention(score, single), variant)
        const { context } = together
        const whole = { shape: [5, 3, 9], data: context as Float64Array }
        const expected = { context: cut(whole, b, steps).data as Float64Array }
        identical(t, { context: alone['context']! }, expected, `${describe(variant)}, row ${b}`)
      }
    }
  })

  test.serial(`${score}: no steps, no memory, no rows`, async (t) => {
    const sizes = { steps: 3, time: 2, batch: 2, features: 4, width: 3 }
    for (const none of ['steps', 'time', 'batch'])
      await checkOp(t, attention(score, draw(score, { ...sizes, [none]: 0 })))
  })
}

test.serial('a gradient of one output', async (t) => {
  const sizes = { steps: 3, time: 4, batch: 2, features: 5, width: 6 }
  for (const name of ['context', 'weights'])
    await checkOp(t, attention('additive', draw('additive', sizes), [name]))
})

test.serial('without a gradient of either output all are zero', async (t) => {
  const sizes = { steps: 3, time: 4, batch: 2, features: 5, width: 6 }
  for (const variant of VARIANTS)
    for (const score of SCORES) {
      const found = await evaluate(attention(score, draw(score, sizes)), variant, { upstream: {} })
      for (const name of ['queries', 'keys', 'values'])
        t.true(found[`grad ${name}`]?.every((value) => value === 0) === true, describe(variant))
    }
})

test.serial('additive: sums far apart, beyond what exponentials can hold', async (t) => {
  const sizes = { steps: 3, time: 4, batch: 3, features: 9, width: 5 }
  for (const range of [30, 60, 300]) {
    const given = draw('additive', sizes, { range })
    const [queries, keys] = [given['queries']!, given['keys']!]
    // Half of the sums are small differences of large numbers, where tanh is not flat.
    keys.data.forEach((_, i) => {
      if (i % 2 === 0)
        keys.data[i] = Math.fround(0.25 - (queries.data[i % queries.data.length] as number))
    })
    const op = attention('additive', given)
    const upstream = drawUpstream(op, 1)
    const expected = await evaluate(op, REFERENCE, { upstream })
    for (const variant of kernels(2)) {
      const actual = await evaluate(op, variant, { upstream })
      near(t, actual, expected, 2e-5, `${describe(variant)}, range ${range}`)
    }
  }
})

test.serial('NaN stays in its row', async (t) => {
  const given = draw('additive', { steps: 2, time: 3, batch: 2, features: 5, width: 4 })
  given['keys']!.data[0] = NaN
  for (const variant of VARIANTS) {
    const { context } = await evaluate(attention('additive', given), variant)
    const nan = [...context!].map(Number.isNaN)
    t.deepEqual(
      nan,
      Array.from({ length: 16 }, (_, i) => i % 8 < 4),
    )
  }
})

test.serial('lengths out of range fail the results', async (t) => {
  const given = draw('dot', { steps: 2, time: 3, batch: 2, features: 2, width: 2 })
  for (const variant of VARIANTS)
    for (const [which, bad, most] of [
      ['query', 3, 2],
      ['memory', 4, 3],
      ['memory', -1, 3],
    ] as const) {
      select(variant)
      const [queries, keys, values] = (['queries', 'keys', 'values'] as const).map((name) =>
        upload(variant.device, given[name]!),
      )
      const lengths = upload(variant.device, ints([2], [1, bad]))
      const made = native.attention(
        ...(['dot', queries!, keys!, values!, null] as const),
        which === 'query' ? lengths : null,
        which === 'memory' ? lengths : null,
      )
      const error = await t.throwsAsync(native.read(made.context), { code: 'ERR_INDEX' })
      t.is(error?.message, `[attention] ${which} length ${bad} at position 1: expected 0..${most}`)
      for (const tensor of [queries!, keys!, values!, lengths, made.context, made.weights])
        native.dispose(tensor)
    }
})
