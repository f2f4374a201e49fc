import test, { type ExecutionContext } from 'ava'
import { decode } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'
import { allSequences, attentionOf, greedy, logProbabilitiesOf, logSoftmax } from './toy.mjs'
import { EOS, logitsOf, ToyModel, type Toy } from './toy.mjs'

const TOY: Toy = { names: [4, 1, 8], vocabulary: 4, lengths: [3, 1, 2] }
/** Long results, of many lengths. */
const LONG: Toy = { names: [5, 3, 9, 2, 6], vocabulary: 7, lengths: [2, 3, 1, 4, 2], bias: [-1] }

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0)

const close = (t: ExecutionContext, a: number, b: number, tolerance = 1e-4) =>
  t.true(Math.abs(a - b) < tolerance, `${a} and ${b}`)

/** The score of Wu et al. 2016, eq. 14, from the tables. */
function scoreOf(toy: Toy, i: number, tokens: ArrayLike<number>, options: decode.BeamOptions) {
  const { lengthPenalty = 0, coveragePenalty = 0 } = options
  const name = toy.names[i] as number
  const coverage = new Array<number>(toy.lengths?.[i] ?? 0).fill(0)
  for (let step = 0; step <= tokens.length; ++step)
    attentionOf(toy, name, Array.from(tokens).slice(0, step), coverage.length).forEach(
      (w, j) => (coverage[j] = (coverage[j] as number) + w),
    )
  return (
    sum(logProbabilitiesOf(toy, name, tokens)) / ((5 + tokens.length + 1) / 6) ** lengthPenalty +
    coveragePenalty * sum(coverage.map((c) => Math.log(Math.min(c, 1))))
  )
}

const startsWith = (tokens: number[], prefix: ArrayLike<number>) =>
  Array.from(prefix).every((token, i) => tokens[i] === token)

const repeatsBigram = (tokens: number[]) => {
  const pairs = tokens.slice(1).map((token, i) => `${tokens[i]} ${token}`)
  return new Set(pairs).size < pairs.length
}

const CASES: decode.BeamOptions[] = [
  {},
  { lengthPenalty: 0.6 },
  { lengthPenalty: 2 },
  { coveragePenalty: 0.3 },
  { lengthPenalty: 1, coveragePenalty: 2 },
  { minLength: 3 },
  { maxLength: [4, 1, 3], lengthPenalty: 1 },
  { forbidden: [2] },
  { blockNgrams: 2, minLength: 4 },
  { prefixes: [[2, 3], null, [1, 1, 3, 2]], lengthPenalty: 1 },
  { prefixes: [[2], [], [1]], forbidden: [2, 3], nBest: 3 },
]

for (const options of CASES)
  test(`a beam of V^T finds the exhaustive best: ${JSON.stringify(options)}`, async (t) => {
    const settings = { nBest: 8, maxLength: 4, ...options }
    const found = await decode.beamSearch(new ToyModel(TOY), { ...settings, beam: 4 ** 4 })
    for (const [i, hypotheses] of found.entries()) {
      const most = Array.isArray(settings.maxLength) ? settings.maxLength[i] : settings.maxLength
      const prefix = options.prefixes?.[i] ?? []
      const wanted = allSequences(4, most as number)
        .filter((tokens) => startsWith(tokens, prefix))
        .filter((tokens) => tokens.length >= (options.minLength ?? 0))
        .filter(
          (tokens) => !tokens.slice(prefix.length).some((x) => options.forbidden?.includes(x)),
        )
        .filter((tokens) => !(options.blockNgrams === 2 && repeatsBigram(tokens)))
        .map((tokens) => ({ tokens, score: scoreOf(TOY, i, tokens, options) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, settings.nBest)
      t.deepEqual(
        hypotheses.map(({ tokens }) => [...tokens]),
        wanted.map(({ tokens }) => tokens),
      )
      hypotheses.forEach(({ score, tokens, truncated }, k) => {
        close(t, score, wanted[k]!.score)
        t.is(truncated, tokens.length === most)
      })
    }
  })

test('scores equal those of the tables, and of scoreTargets', async (t) => {
  const options = { beam: 3, nBest: 3, maxLength: 30, lengthPenalty: 0.8, coveragePenalty: 0.2 }
  const found = await decode.beamSearch(new ToyModel(LONG), options)
  for (let k = 0; k < 3; ++k) {
    const own = found.map((hypotheses) => hypotheses[k]!)
    const targets = own.map(({ tokens }) => tokens)
    const scored = await decode.scoreTargets(new ToyModel(LONG), targets)
    own.forEach(({ tokens, logProbability, logProbabilities, score }, i) => {
      const wanted = logProbabilitiesOf(LONG, LONG.names[i]!, tokens)
      close(t, logProbability, sum(wanted))
      close(t, logProbability, scored[i]!.logProbability)
      close(t, score, scoreOf(LONG, i, tokens, options))
      for (const values of [logProbabilities, scored[i]!.logProbabilities]) {
        t.is(values.length, wanted.length)
        values.forEach((x, step) => close(t, x, wanted[step]!))
      }
    })
  }
  t.true(new Set(found.map(([first]) => first!.tokens.length)).size > 2)
})

test('what a source gives does not depend on its batch', async (t) => {
  for (const options of [
    { beam: 3, nBest: 2, maxLength: 20, lengthPenalty: 1, coveragePenalty: 0.5, alignments: true },
    { beam: 4, nBest: 4, maxLength: [4, 20, 3, 9, 6], groups: 2, diversity: 1 },
    { beam: 1, maxLength: 20, prefixes: [[1], null, [2, 3, 4, 5], [], [6, 6]] },
  ]) {
    const together = await decode.beamSearch(new ToyModel(LONG), options)
    for (const [i, name] of LONG.names.entries()) {
      const { maxLength, prefixes } = options
      const alone = await decode.beamSearch(
        new ToyModel({ ...LONG, names: [name], lengths: [LONG.lengths![i]!] }),
        {
          ...options,
          maxLength: Array.isArray(maxLength) ? [maxLength[i]!] : maxLength,
          prefixes: prefixes && [prefixes[i]!],
        },
      )
      t.deepEqual(alone, [together[i]!])
    }
  }
})

test('a beam of one is greedy decoding', async (t) => {
  for (const lengthPenalty of [0, 2]) {
    const found = await decode.beamSearch(new ToyModel(LONG), {
      ...{ beam: 1, maxLength: 25, lengthPenalty },
    })
    t.deepEqual(
      found.map(([best]) => [...best!.tokens]),
      LONG.names.map((name) => greedy(LONG, name, 25)),
    )
  }
})

test('alignments are the attention of each step', async (t) => {
  const found = await decode.beamSearch(new ToyModel(LONG), {
    ...{ beam: 3, maxLength: 12, alignments: true },
  })
  found.forEach(([best], i) => {
    const { tokens, alignments } = best!
    t.is(alignments!.length, tokens.length + 1)
    alignments!.forEach((weights, step) =>
      t.deepEqual(
        weights,
        attentionOf(LONG, LONG.names[i]!, [...tokens].slice(0, step), LONG.lengths![i]!),
      ),
    )
  })
  const [[plain]] = (await decode.beamSearch(new ToyModel(LONG))) as [[decode.Hypothesis]]
  t.is(plain.alignments, null)
})

test('the search stops when nothing can improve, and drops sources that are done', async (t) => {
  const model = new ToyModel({ ...LONG, bias: [6] })
  await decode.beamSearch(model, { beam: 4, maxLength: 100, lengthPenalty: 0.2 })
  t.true(model.steps < 20, `${model.steps} steps`)
  const uneven = new ToyModel(LONG)
  await decode.beamSearch(uneven, { beam: 2, maxLength: [2, 40, 2, 2, 2], minLength: 2 })
  t.true(uneven.rows < uneven.steps * 10, `${uneven.rows} rows in ${uneven.steps} steps`)
})

test('groups of one choose in turn, less likely what others chose', async (t) => {
  const [groups, diversity, most] = [3, 1.5, 8]
  const found = await decode.beamSearch(new ToyModel(LONG), {
    ...{ beam: groups, groups, diversity, nBest: groups, maxLength: most },
  })
  LONG.names.forEach((name, i) => {
    const wanted = Array.from({ length: groups }, () => [] as number[])
    const live = new Set(wanted)
    for (let step = 0; step < most; ++step) {
      const used = new Map<number, number>()
      for (const tokens of live) {
        const values = logSoftmax(logitsOf(LONG, name, tokens))
        const augmented = values.map((x, token) => x - diversity * (used.get(token) ?? 0))
        const token = augmented.indexOf(Math.max(...augmented))
        used.set(token, (used.get(token) ?? 0) + 1)
        if (token === EOS) live.delete(tokens)
        else tokens.push(token)
      }
    }
    const scored = wanted.map((tokens) => ({ tokens, score: scoreOf(LONG, i, tokens, {}) }))
    scored.sort((a, b) => b.score - a.score)
    t.deepEqual(
      found[i]!.map(({ tokens }) => [...tokens]),
      scored.map(({ tokens }) => tokens),
    )
    found[i]!.forEach(({ score }, k) => close(t, score, scored[k]!.score))
  })
  t.true(found.every((own) => new Set(own.map(({ tokens }) => String(tokens))).size > 1))
})

test('equals are chosen by place: the lower token, the earlier end', async (t) => {
  const flat: decode.StepModel = new ToyModel({ names: [1], vocabulary: 4 })
  const start = flat.start.bind(flat)
  flat.start = (beams) => {
    const decoding = start(beams)
    const step = decoding.step.bind(decoding)
    decoding.step = (tokens) => {
      const output = step(tokens)
      output.logits.fill(0)
      return output
    }
    return decoding
  }
  const [found] = await decode.beamSearch(flat, { beam: 4, nBest: 4, maxLength: 2, minLength: 1 })
  t.deepEqual(
    found!.map(({ tokens }) => [...tokens]),
    [[1], [1, 1], [1, 2], [1, 3]],
  )
})

test('tokens that are impossible, and constraints that leave nothing', async (t) => {
  const toy: Toy = { ...LONG, bias: [0, -Infinity, 0, -Infinity] }
  const found = await decode.beamSearch(new ToyModel(toy), { beam: 6, nBest: 6, maxLength: 3 })
  for (const { tokens, score } of found.flat()) {
    t.true(Number.isFinite(score))
    t.false(tokens.includes(1) || tokens.includes(3))
  }
  const none = await decode.beamSearch(new ToyModel({ names: [1], vocabulary: 2 }), {
    ...{ minLength: 5, maxLength: 9, blockNgrams: 1 },
  })
  t.deepEqual(none, [[]])
  t.deepEqual(await decode.beamSearch(new ToyModel({ names: [], vocabulary: 3 })), [])
})

test('logits that cannot be ranked fail the search', async (t) => {
  const toy: Toy = { ...LONG, bias: [0, NaN, 0, 0] }
  const code = 'ERR_NONFINITE'
  await t.throwsAsync(decode.beamSearch(new ToyModel(toy)), { code })
  const prefixes = toy.names.map(() => [2, 3])
  await t.throwsAsync(decode.beamSearch(new ToyModel(toy), { prefixes }), { code })
})

test('every option rejects nonsense by name', async (t) => {
  const bad: [keyof decode.BeamOptions, unknown][] = [
    ...[0, 1.5, NaN, '5', null].map((x) => ['beam', x] as const),
    ...[0, 6, -1, 1.5, 'all'].map((x) => ['nBest', x] as const),
    ...[-0.1, NaN, Infinity, '1'].map((x) => ['lengthPenalty', x] as const),
    ...[-1, NaN, Infinity, true].map((x) => ['coveragePenalty', x] as const),
    ...[-1, 201, 0.5, NaN].map((x) => ['minLength', x] as const),
    ...[0, -3, 2.5, NaN, [5], [5, 5, 0], '9', {}].map((x) => ['maxLength', x] as const),
    ...[-1, 0.5, NaN, '3'].map((x) => ['blockNgrams', x] as const),
    ...[0, 2, 10, 1.5, NaN].map((x) => ['groups', x] as const),
    ...[-1, NaN, Infinity, 'much'].map((x) => ['diversity', x] as const),
    ...[[4], [-1], [0], [1.5], 3, 'unk'].map((x) => ['forbidden', x] as const),
    ...[[[1]], 'abc', 5].map((x) => ['prefixes', x] as const),
    ...[
      [[1], [0], null],
      [[1], 'ab', null],
      [new Array(201).fill(1), null, null],
    ].map((x) => ['prefixes', x] as const),
    ...[1, 'yes'].map((x) => ['alignments', x] as const),
    ['signal', 'stop'],
  ] as [keyof decode.BeamOptions, unknown][]
  for (const [name, value] of bad) {
    const model = new ToyModel(TOY)
    const error = await t.throwsAsync(decode.beamSearch(model, { [name]: value }), {
      code: 'ERR_ARGUMENT',
    })
    t.regex(error.message, new RegExp(`^\\[beam\\] ${name}(\\[\\d\\])?: expected .*, got `))
    t.is(model.steps, 0)
  }
  const nothing = { forbidden: [1, 2, 3], minLength: 1 }
  const left = { code: 'ERR_ARGUMENT', message: /forbidden: expected a token to be left/ }
  await t.throwsAsync(decode.beamSearch(new ToyModel(TOY), nothing), left)
  await t.throwsAsync(decode.sample(new ToyModel(TOY), nothing), left)
  const blind = () => new ToyModel({ ...TOY, lengths: undefined } as unknown as Toy)
  await t.throwsAsync(decode.beamSearch(blind(), { coveragePenalty: 0.2 }), {
    message: '[beam] coveragePenalty: expected 0 for a model without attention, got 0.2',
  })
  await t.throwsAsync(decode.beamSearch(blind(), { alignments: true }), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(decode.scoreTargets(blind(), [[1]]), { message: /^\[score\] targets: / })
  await t.throwsAsync(decode.scoreTargets(blind(), [[1], [2], [9]]), {
    message: /^\[score\] targets\[2\]: expected tokens in 0\.\.3 but the end's 0, got \[9\]/,
  })
})

test.serial('no tensor outlives a search, also one that fails', async (t) => {
  await collectGarbage()
  const before = await liveStorages()
  const options = { beam: 4, groups: 2, minLength: 3, maxLength: 9, coveragePenalty: 1 }
  await decode.beamSearch(new ToyModel(LONG), { ...options, prefixes: [[2], [], [], [], []] })
  await decode.scoreTargets(new ToyModel(TOY), [[1], [2, 3], []])
  const broken = new ToyModel(LONG)
  broken.failAt = 4
  await t.throwsAsync(decode.beamSearch(broken, options), { message: 'toy failure' })
  await t.throwsAsync(decode.beamSearch(new ToyModel(LONG), { signal: AbortSignal.abort() }), {
    code: 'ERR_ABORTED',
  })
  t.is(await liveStorages(), before)
})
