import test, { type ExecutionContext } from 'ava'
import { native } from '#dist/native/index.js'
import { ops, tensor, type Tensor } from 'rnnative'
import { Draw, handleOf } from '../support/host.mjs'
import { allVariants, describe, DEVICES, kernels, select, type Variant } from '../support/op.mjs'

const VARIANTS = [...allVariants(), ...kernels(1)]
const real = ({ device }: Variant) => (device === 'reference' ? 'f64' : 'f32')
/** How far from a boundary a draw must lie for f32 to have to find the same token. */
const MARGIN = 2e-5

interface Sampling extends ops.SampleTokensOptions {
  rows: number
  vocabulary: number
  logits: Float64Array
  uniforms: Float64Array
}

interface Expected {
  token: number
  logProbability: number
  /** From the nearest boundary of the draw and of top-p, as a probability. */
  margin: number
}

/** One row by sorting, in double. */
function expected(sampling: Sampling, row: number): Expected {
  const { vocabulary, logits, penalties, temperature = 1, topK, topP = 1 } = sampling
  const own = Array.from(logits.slice(row * vocabulary, (row + 1) * vocabulary))
  const most = Math.max(...own)
  const total = most + Math.log(own.reduce((sum, x) => sum + Math.exp(x - most), 0))
  const given = (sampling.given as Int32Array | undefined)?.[row] ?? -1
  if (given >= 0) return { token: given, logProbability: own[given]! - total, margin: 1 }

  const scores = own.slice()
  penalties?.rows.forEach((r: number, i: number) => {
    if (r === row) scores[penalties.tokens[i]!]! += penalties.values[i]!
  })
  const sorted = scores.map((_, w) => w).sort((a, b) => scores[b]! - scores[a]! || a - b)
  const answer = (token: number, margin: number) => ({
    ...{ token, margin },
    logProbability: own[token]! - total,
  })
  const [best] = sorted as [number]
  if (temperature === 0) return answer(best, 1)
  const weigh = (w: number) => Math.exp((scores[w]! - scores[best]!) / temperature)
  let kept = sorted.slice(0, topK || vocabulary)
  let margin = 1
  if (topP < 1) {
    const all = kept.reduce((sum, w) => sum + weigh(w), 0)
    let missing = topP
    const count = kept.findIndex((w) => {
      missing -= weigh(w) / all
      margin = Math.min(margin, Math.abs(missing))
      return missing <= 0
    })
    if (count >= 0) kept = kept.slice(0, count + 1)
  }
  const sum = kept.reduce((x, w) => x + weigh(w), 0)
  let rest = sampling.uniforms[row]!
  for (const token of kept.sort((a, b) => a - b)) {
    margin = Math.min(margin, Math.abs(rest))
    rest -= weigh(token) / sum
    margin = Math.min(margin, Math.abs(rest))
    if (rest < 0) return answer(token, margin)
  }
  return answer(kept.at(-1)!, 0)
}

async function run(variant: Variant, sampling: Sampling) {
  select(variant)
  const { rows, vocabulary, logits: values, ...options } = sampling
  const { device } = variant
  using logits = tensor(values, [rows, vocabulary], { device, dtype: real(variant) })
  const made = ops.sampleTokens(logits, options)
  const results = await Promise.all([made.tokens.data(), made.logProbabilities.data()])
  made.tokens.dispose()
  made.logProbabilities.dispose()
  return { tokens: [...results[0]], logProbabilities: [...results[1]] }
}

function draw(rows: number, vocabulary: number, options: ops.SampleTokensOptions = {}): Sampling {
  const source = new Draw(rows * vocabulary)
  return {
    ...{ rows, vocabulary },
    logits: source.reals([rows, vocabulary], -4, 4).data as Float64Array,
    uniforms: Float64Array.from({ length: rows }, () => source.next()),
    ...(options as object),
  }
}

async function check(t: ExecutionContext, sampling: Sampling): Promise<void> {
  const wanted = Array.from({ length: sampling.rows }, (_, row) => expected(sampling, row))
  const clear = wanted.filter(({ margin }) => margin > MARGIN).length
  t.true(clear >= 0.75 * sampling.rows, `${clear} clear draws of ${sampling.rows}`)
  for (const variant of VARIANTS) {
    const { tokens, logProbabilities } = await run(variant, sampling)
    const exact = variant.device === 'reference'
    wanted.forEach(({ token, logProbability, margin }, row) => {
      if (margin <= (exact ? 1e-12 : MARGIN)) return
      t.is(tokens[row], token, `${describe(variant)}: row ${row}`)
      const error = Math.abs(logProbabilities[row]! - logProbability)
      t.true(error < (exact ? 1e-12 : 1e-5), `${describe(variant)}: row ${row} off by ${error}`)
    })
  }
}

test.serial('draws from all, or from what top-k and top-p leave, at any temperature', async (t) => {
  await check(t, draw(3, 1))
  await check(t, draw(0, 5))
  for (const temperature of [1, 0.3, 2.5, 0])
    for (const topK of [0, 1, 7, 1000])
      for (const topP of [1, 0.9, 0.3]) await check(t, draw(40, 17, { temperature, topK, topP }))
  await check(t, draw(8, 5003))
  await check(t, draw(8, 5003, { topK: 200, temperature: 0.7 }))
  await check(t, draw(8, 5003, { topP: 0.5 }))
  await check(t, draw(4, 60_001, { topK: 3000, topP: 0.5 }))
})

test.serial('penalties shift and forbid', async (t) => {
  for (const temperature of [1, 0])
    await check(t, {
      ...draw(6, 30, { temperature, topK: 5, topP: 0.95 }),
      penalties: {
        rows: [5, 0, 0, 2, 5, 1, 0],
        tokens: [29, 3, 3, 0, 7, 20, 11],
        values: [9, 1.5, 2, -Infinity, -Infinity, 3, -8],
      },
    })
  const one = { ...draw(1, 4), uniforms: Float64Array.of(0.999999) }
  const penalties = { rows: [0, 0, 0], tokens: [0, 2, 3], values: [1, 1, 1].fill(-Infinity) }
  for (const variant of VARIANTS)
    for (const temperature of [1, 0, 1e300, 1e-300])
      t.deepEqual((await run(variant, { ...one, penalties, temperature })).tokens, [1])
})

test.serial('of equals the lower tokens are kept, zeros of either sign too', async (t) => {
  const rows = 50
  const uniforms = Float64Array.from({ length: rows }, (_, row) => (row + 0.5) / rows)
  const logits = new Float64Array(rows * 40).map((_, i) => (i % 3 === 0 ? -0 : 0))
  const base = { rows, vocabulary: 40, logits, uniforms }
  for (const variant of VARIANTS) {
    const likeliest = await run(variant, { ...base, temperature: 0 })
    t.true(likeliest.tokens.every((token) => token === 0))
    for (const cut of [{ topK: 10 }, { topP: 0.2499 }, { topK: 20, topP: 0.499 }]) {
      const { tokens } = await run(variant, { ...base, ...cut })
      t.deepEqual(
        tokens,
        Array.from({ length: rows }, (_, row) => Math.floor(row / 5)),
        `${describe(variant)} ${JSON.stringify(cut)}`,
      )
    }
  }
})

test.serial('the ends of the range of draws, temperatures beyond f32', async (t) => {
  const base = draw(2, 3000)
  const extremes = { ...base, uniforms: Float64Array.of(0, 1 - 2 ** -53) }
  extremes.logits.fill(-Infinity, 0, 10)
  extremes.logits.fill(-Infinity, 5990)
  for (const variant of VARIANTS) {
    t.deepEqual((await run(variant, extremes)).tokens, [10, 2989])
    const { tokens: even } = await run(variant, { ...extremes, temperature: 1e300 })
    t.deepEqual(even, [10, 2989])
    const { tokens: sharp } = await run(variant, { ...base, temperature: 1e-300 })
    t.deepEqual(sharp, (await run(variant, { ...base, temperature: 0 })).tokens)
  }
})

test.serial('given tokens are taken, whatever the logits say', async (t) => {
  const sampling = draw(5, 12, { given: Int32Array.of(3, -1, 0, -1, 11) })
  await check(t, sampling)
  for (const variant of VARIANTS) {
    const logits = sampling.logits.slice().fill(NaN, 0, 12)
    const { tokens, logProbabilities } = await run(variant, { ...sampling, logits })
    t.is(tokens[0], 3)
    t.deepEqual(tokens.slice(1), (await run(variant, sampling)).tokens.slice(1))
    t.deepEqual(
      logProbabilities.map((x) => Number.isNaN(x)),
      [true, false, false, false, false],
    )
  }
})

test.serial('a row does as well alone', async (t) => {
  const sampling = draw(6, 333, { topK: 50, topP: 0.8 })
  for (const variant of VARIANTS) {
    const together = await run(variant, sampling)
    for (let row = 0; row < 6; ++row) {
      const alone = await run(variant, {
        ...{ ...sampling, rows: 1 },
        logits: sampling.logits.slice(row * 333, (row + 1) * 333),
        uniforms: sampling.uniforms.slice(row, row + 1),
      })
      t.deepEqual(alone.tokens, [together.tokens[row]!])
      t.deepEqual(alone.logProbabilities, [together.logProbabilities[row]!])
    }
  }
})

test.serial(
  'step by step on the device: given tokens as tensors, results stacked, looked up',
  async (t) => {
    const [steps, rows, vocabulary] = [3, 4, 6]
    const source = new Draw(4)
    const values = Array.from({ length: steps }, () => source.reals([rows, vocabulary], -2, 2).data)
    const answers = new Set<string>()
    for (const variant of VARIANTS) {
      select(variant)
      const { device } = variant
      const dtype = real(variant)
      const own: Tensor[] = []
      const keep = <T extends Tensor>(x: T): T => (own.push(x), x)
      const chosen = values.map((data, step) => {
        const logits = keep(tensor(data as Float64Array, [rows, vocabulary], { device, dtype }))
        const given = keep(tensor(Int32Array.of(-1, step, 5 - step, -1), [rows], { device }))
        const drawn = ops.sampleTokens(logits, { given, uniforms: [0.1, 0.2, 0.3, 0.9] })
        keep(drawn.logProbabilities)
        return keep(drawn.tokens)
      })
      const stacked = keep(ops.stack(chosen))
      const joined = keep(keep(ops.concat(chosen)).reshape(steps, rows))
      const across = keep(ops.stack(chosen, 1))
      const table = keep(
        tensor(
          Float64Array.from({ length: vocabulary }, (_, i) => 10 * i),
          [vocabulary, 1],
          {
            ...{ device, dtype },
          },
        ),
      )
      const looked = keep(ops.embedding(stacked, table))
      t.deepEqual([...stacked.shape], [steps, rows])
      t.is(stacked.dtype, 'i32')
      const ids = [...(await stacked.data())]
      t.deepEqual([...(await joined.data())], ids)
      t.deepEqual(
        [...(await across.data())],
        Array.from(
          { length: rows * steps },
          (_, i) => ids[(i % steps) * rows + Math.floor(i / steps)]!,
        ),
      )
      t.deepEqual(
        [...(await looked.data())],
        ids.map((id) => 10 * id),
      )
      for (let step = 0; step < steps; ++step)
        t.deepEqual(ids.slice(step * rows + 1, step * rows + 3), [step, 5 - step])
      answers.add(String(ids))
      for (const x of own) x.dispose()
    }
    t.is(answers.size, 1)
  },
)

test.serial('logits that leave no choice fail the results', async (t) => {
  const code = 'ERR_NONFINITE'
  const message = '[sample_tokens] row 1: expected scores with a finite maximum and no NaN'
  const spoil: ((sampling: Sampling) => Sampling)[] = [
    ...[NaN, Infinity].map((bad) => (sampling: Sampling) => {
      sampling.logits[9] = bad
      return sampling
    }),
    (sampling) => {
      sampling.logits.fill(-Infinity, 5, 10)
      return sampling
    },
    (sampling) => ({
      ...sampling,
      penalties: {
        rows: new Int32Array(5).fill(1),
        tokens: [0, 1, 2, 3, 4],
        values: new Float32Array(5).fill(-Infinity),
      },
    }),
    (sampling) => ({ ...sampling, penalties: { rows: [1], tokens: [2], values: [NaN] } }),
  ]
  for (const variant of VARIANTS)
    for (const temperature of [1, 0])
      for (const make of spoil)
        await t.throwsAsync(run(variant, make(draw(3, 5, { temperature }))), { code, message })
})

test.serial('nonsense is refused', async (t) => {
  for (const device of DEVICES) {
    using logits = tensor([[1, 2, 3]], [1, 3], { device })
    const call = (options: ops.SampleTokensOptions) => ops.sampleTokens(logits, options)
    const refused = (options: ops.SampleTokensOptions, code: string, message: RegExp) =>
      t.throws(() => call(options), { code, message })
    const uniforms = [0.5]
    refused({}, 'ERR_ARGUMENT', /\[sampleTokens\] uniforms: expected 1 numbers/)
    refused({ uniforms: [0.1, 0.2] }, 'ERR_ARGUMENT', /uniforms: expected 1 numbers/)
    for (const bad of [1, -0.1, NaN])
      refused({ uniforms: [bad] }, 'ERR_ARGUMENT', /uniforms\[0\]: expected a number in \[0, 1\)/)
    for (const temperature of [-1, NaN, Infinity])
      refused({ uniforms, temperature }, 'ERR_ARGUMENT', /temperature: expected a finite number/)
    for (const topK of [-1, 1.5, NaN]) refused({ uniforms, topK }, 'ERR_ARGUMENT', /topK/)
    for (const topP of [0, 1.1, NaN]) refused({ uniforms, topP }, 'ERR_ARGUMENT', /topP/)
    refused({ uniforms, given: [1, 2] }, 'ERR_SHAPE', /given: expected \[1\], got \[2\]/)
    using wrong = tensor([1], [1], { device })
    refused({ uniforms, given: wrong }, 'ERR_DTYPE', /given: expected i32/)
    for (const bad of [3, -2]) {
      const made = call({ uniforms, given: [bad] })
      await t.throwsAsync(made.tokens.data(), {
        code: 'ERR_INDEX',
        message: `[sample_tokens] given token ${bad} at position 0: expected 0..2`,
      })
    }
    const penalised = call({ uniforms, penalties: { rows: [0], tokens: [3], values: [1] } })
    await t.throwsAsync(penalised.logProbabilities.data(), {
      code: 'ERR_INDEX',
      message: '[sample_tokens] penalty token 3 at position 0: expected 0..2',
    })
    t.throws(() => native.sampleTokens(handleOf(logits), null, null, 1, 0, 1, null, null, null), {
      code: 'ERR_ARGUMENT',
      message: /\[sample_tokens\] words: /,
    })
  }
})
