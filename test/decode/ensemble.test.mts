import test, { type ExecutionContext } from 'ava'
import { decode } from 'rnnative'
import { collectGarbage, liveStorages } from '../tensor/live.mjs'
import { allSequences, attentionOf, EOS, logitsOf, logSoftmax, ToyModel, type Toy } from './toy.mjs'

const A: Toy = { names: [4, 1, 8], vocabulary: 4, lengths: [3, 1, 2] }
const B: Toy = { ...A, seed: 1 }
const models = () => [new ToyModel(A), new ToyModel(B)]

const close = (t: ExecutionContext, a: number, b: number) =>
  t.true(Math.abs(a - b) < 1e-4, `${a} and ${b}`)

/** Log-probability of the tokens and the end under the mixture, from the tables. */
function mixed(name: number, tokens: number[], combine: string, [a, b]: number[]): number {
  const all = [...tokens, EOS]
  return all.reduce((total, token, i) => {
    const [x, y] = [A, B].map((toy) => logSoftmax(logitsOf(toy, name, all.slice(0, i))))
    const join = x!.map((value, id) =>
      combine === 'linear'
        ? Math.log(a! * Math.exp(value) + b! * Math.exp(y![id]!))
        : a! * value + b! * y![id]!,
    )
    return total + (logSoftmax(join)[token] as number)
  }, 0)
}

const shape = (found: decode.Hypothesis[][]) =>
  found.map((own) => own.map(({ tokens, alignments }) => [[...tokens], alignments]))

for (const combine of ['log-linear', 'linear'] as const) {
  test(`${combine}: an ensemble of one equals the model`, async (t) => {
    const options = { beam: 4, nBest: 4, maxLength: 6, coveragePenalty: 0.3, alignments: true }
    const wanted = await decode.beamSearch(new ToyModel(A), options)
    for (const weights of [undefined, [1], [7]]) {
      const one = decode.ensemble([new ToyModel(A)], { combine, weights })
      const found = await decode.beamSearch(one, options)
      t.deepEqual(shape(found), shape(wanted))
      found.flat().forEach(({ score }, i) => close(t, score, wanted.flat()[i]!.score))
      if (combine === 'log-linear') t.deepEqual(found, wanted)
    }
  })

  test(`${combine}: the exhaustive best of the weighted mixture`, async (t) => {
    for (const weights of [undefined, [3, 1], [0.1, 0.3]]) {
      const [a = 1, b = 1] = weights ?? []
      const shares = [a / (a + b), b / (a + b)]
      const together = decode.ensemble(models(), { combine, weights })
      const found = await decode.beamSearch(together, { beam: 64, nBest: 5, maxLength: 3 })
      A.names.forEach((name, i) => {
        const wanted = allSequences(4, 3)
          .map((tokens) => ({ tokens, score: mixed(name, tokens, combine, shares) }))
          .sort((x, y) => y.score - x.score)
        found[i]!.forEach(({ tokens, score }, k) => {
          t.deepEqual([...tokens], wanted[k]!.tokens)
          close(t, score, wanted[k]!.score)
        })
      })
    }
  })
}

test('attention is averaged where all members have it', async (t) => {
  const options = { maxLength: 5, alignments: true }
  const [[best]] = (await decode.beamSearch(
    decode.ensemble(models(), { weights: [3, 1] }),
    options,
  )) as [[decode.Hypothesis]]
  best.alignments!.forEach((weights, step) => {
    const history = [...best.tokens].slice(0, step)
    const [x, y] = [A, B].map((toy) => attentionOf(toy, 4, history, 3))
    weights.forEach((w, j) => close(t, w, 0.75 * x![j]! + 0.25 * y![j]!))
  })
  const others: Toy[] = [
    { names: A.names, vocabulary: 4 },
    { ...B, lengths: [3, 2, 2] },
  ]
  for (const other of others) {
    const mixture = decode.ensemble([new ToyModel(A), new ToyModel(other)])
    t.is(mixture.sourceLengths, null)
    t.is((await decode.beamSearch(mixture, { maxLength: 5 })).length, 3)
    await t.throwsAsync(decode.beamSearch(mixture, options), { code: 'ERR_ARGUMENT' })
  }
})

test('members that do not fit and nonsense are rejected by name', (t) => {
  const refuse = (name: string, members: unknown[], options: object = {}) =>
    t.throws(() => decode.ensemble(members as decode.StepModel[], options), {
      code: 'ERR_ARGUMENT',
      message: new RegExp(`^\\[ensemble\\] ${name}: expected .*, got `),
    })
  refuse('members', [])
  refuse('vocabulary', [new ToyModel(A), new ToyModel({ ...A, vocabulary: 5 })])
  refuse('sources', [new ToyModel(A), new ToyModel({ ...A, names: [1] })])
  refuse('eos', [new ToyModel(A), { ...new ToyModel(A), eos: 2 }])
  refuse('bos', [new ToyModel(A), { ...new ToyModel(A), bos: 2 }])
  refuse('combine', models(), { combine: 'harmonic' })
  for (const weights of [[1], [1, 0], [1, -1], [1, NaN], [1, '1'], 'all', 3, null])
    if (weights !== null) refuse('weights', models(), { weights })
})

test.serial('no tensor outlives an ensemble, also one that fails', async (t) => {
  await collectGarbage()
  const before = await liveStorages()
  for (const combine of ['log-linear', 'linear'] as const) {
    const options = { beam: 3, coveragePenalty: 1, minLength: 3 }
    await decode.beamSearch(decode.ensemble(models(), { combine }), options)
    const members = models()
    members[1]!.failAt = 3
    const broken = decode.ensemble(members, { combine })
    await t.throwsAsync(decode.beamSearch(broken, options), { message: 'toy failure' })
    const [good, bad] = models()
    bad!.start = () => {
      throw new Error('no start')
    }
    const stuck = decode.ensemble([good!, bad!], { combine })
    await t.throwsAsync(decode.beamSearch(stuck, options), { message: 'no start' })
  }
  t.is(await liveStorages(), before)
})
