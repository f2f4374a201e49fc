import test from 'ava'
import { decode } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'
import {
  EOS,
  greedy,
  logitsOf,
  logProbabilitiesOf,
  logSoftmax,
  ToyModel,
  type Toy,
} from './toy.mjs'

const TOY: Toy = { names: [5, 3, 9], vocabulary: 6, bias: [-1] }
const draw = (options: decode.SampleOptions, toy = TOY) => decode.sample(new ToyModel(toy), options)

test('the seed and the stream alone decide, not the batch', async (t) => {
  const options = { samples: 4, seed: 7, maxLength: 15, temperature: 1.3, topK: 5, topP: 0.95 }
  const together = await draw(options)
  t.deepEqual(await draw(options), together)
  t.notDeepEqual(await draw({ ...options, seed: 8 }), together)
  for (const [i, name] of TOY.names.entries()) {
    const alone = { ...TOY, names: [name] }
    t.deepEqual(await draw({ ...options, streams: [i] }, alone), [together[i]!])
    t.notDeepEqual(await draw({ ...options, streams: [9] }, alone), [together[i]!])
    const fewer = await draw({ ...options, samples: 2, streams: [i] }, alone)
    t.deepEqual(fewer, [together[i]!.slice(0, 2)])
  }
  const texts = together.flat().map(({ tokens }) => String(tokens))
  t.true(new Set(texts).size > 8)
})

test('temperature 0, or the likeliest one alone, is greedy decoding', async (t) => {
  for (const options of [{ temperature: 0 }, { topK: 1 }, { topP: 1e-9 }]) {
    const found = await draw({ ...options, maxLength: 12 })
    t.deepEqual(
      found.map(([only]) => [...only!.tokens]),
      TOY.names.map((name) => greedy(TOY, name, 12)),
    )
  }
})

test('log-probabilities are the model’s', async (t) => {
  const found = await draw({ samples: 3, seed: 1, maxLength: 6, temperature: 0.5 })
  found.forEach((own, i) =>
    own.forEach(({ tokens, truncated, logProbability, logProbabilities }) => {
      const all = logProbabilitiesOf(TOY, TOY.names[i]!, tokens)
      const wanted = truncated ? all.slice(0, -1) : all
      t.is(truncated, tokens.length === 6)
      t.is(logProbabilities.length, wanted.length)
      logProbabilities.forEach((x, step) => t.true(Math.abs(x - wanted[step]!) < 1e-6))
      t.true(Math.abs(logProbability - wanted.reduce((a, b) => a + b, 0)) < 1e-5)
    }),
  )
})

test('tokens come as often as they are likely', async (t) => {
  const samples = 4000
  const [found] = await draw({ samples, seed: 3, maxLength: 1 }, { ...TOY, names: [5] })
  const counts = new Array<number>(6).fill(0)
  for (const { tokens } of found!) counts[tokens[0] ?? EOS]! += 1
  const wanted = logSoftmax(logitsOf(TOY, 5, [])).map((x) => samples * Math.exp(x))
  const chiSquare = counts.reduce((sum, n, i) => sum + (n - wanted[i]!) ** 2 / wanted[i]!, 0)
  t.true(chiSquare < 20.5, `chi-square ${chiSquare} of 5 degrees: p < 0.001`)
})

test('lengths, prefixes and forbidden tokens are kept to', async (t) => {
  const prefixes = [[2, 3], null, [4]]
  const options = { samples: 5, seed: 2, minLength: 4, maxLength: [4, 9, 6], forbidden: [2, 5] }
  const found = await draw({ ...options, prefixes })
  found.forEach((own, i) =>
    own.forEach(({ tokens }) => {
      const prefix = prefixes[i] ?? []
      t.deepEqual([...tokens.slice(0, prefix.length)], prefix)
      t.true(tokens.length >= 4 && tokens.length <= options.maxLength[i]!)
      const free = tokens.slice(prefix.length)
      t.false(free.includes(2) || free.includes(5))
    }),
  )
  t.deepEqual(await draw({}, { ...TOY, names: [] }), [])
})

test('logits that leave no choice fail the sampling', async (t) => {
  for (const temperature of [1, 0])
    await t.throwsAsync(draw({ temperature }, { ...TOY, bias: [0, NaN] }), {
      code: 'ERR_NONFINITE',
    })
})

test('every option rejects nonsense by name', async (t) => {
  const bad: Record<string, unknown[]> = {
    temperature: [-1, NaN, Infinity, '1'],
    topK: [0, 1.5, NaN, '2'],
    topP: [0, 1.1, NaN, '0.5'],
    seed: [-1, 0.5, NaN],
    samples: [0, 1.5, NaN, '2'],
    streams: [[1], [1, 2, -3], 'abc', 3],
    minLength: [-1, 500],
    maxLength: [0, [1, 2]],
    forbidden: [[6], [EOS], 'x'],
    prefixes: [[[1]], [[EOS], null, null]],
  }
  for (const [name, values] of Object.entries(bad))
    for (const value of values) {
      const error = await t.throwsAsync(draw({ [name]: value }), { code: 'ERR_ARGUMENT' })
      t.regex(error.message, new RegExp(`^\\[sample\\] ${name}(\\[\\d\\])?: expected .*, got `))
    }
})

test.serial('no tensor outlives the sampling, also where it fails', async (t) => {
  await collectGarbage()
  const before = await liveStorages()
  await draw({ samples: 3, maxLength: [2, 20, 3] })
  const broken = new ToyModel(TOY)
  broken.failAt = 3
  await t.throwsAsync(decode.sample(broken, { minLength: 9 }), { message: 'toy failure' })
  await t.throwsAsync(draw({ signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  t.is(await liveStorages(), before)
})
