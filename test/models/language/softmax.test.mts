/** Language models whose output layer is an adaptive or a sampled softmax. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { convert, LanguageModel, nn, optim, Tokenizer } from 'rnnative'
import type { LanguageFitOptions, LanguageModelOptions } from 'rnnative'
import { largestDifference, weightsOf } from './support.mjs'

/** The n-th of 60 words is as frequent as 1/n, and follows one that is near it. */
function makeText(words: number, seed: number): string {
  let [state, last] = [seed, 0]
  const pieces = Array.from({ length: words }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    const drawn = Math.floor(60 ** (state / 2 ** 31)) - 1
    last = state % 3 === 0 ? (last * 7 + 1) % 60 : drawn
    return `w${last}`
  })
  return pieces.join(' ')
}

const text = makeText(3000, 1)
const validation = makeText(500, 2)
const tokenizer = Tokenizer.spaces(text)
const KINDS: Record<string, Partial<LanguageModelOptions>> = {
  adaptive: { softmax: 'adaptive', cutoffs: [10, 30], divisor: 2 },
  sampled: { softmax: 'sampled', samples: 15 },
  'sampled, tied': { softmax: 'sampled', samples: 15, tieWeights: true },
}

const makeModel = (options: Partial<LanguageModelOptions>) =>
  new LanguageModel({ tokenizer, layers: 1, hidden: 16, seed: 3, dropout: 0.1, ...options })

const fitOptions = (options: LanguageFitOptions = {}): LanguageFitOptions => ({
  ...{ batch: 6, steps: 12, optimizer: optim.adam({ lr: 0.01 }), validation, ...options },
})

const collect = async (pieces: AsyncIterable<string>) => {
  let all = ''
  for await (const piece of pieces) all += piece
  return all
}

for (const [name, options] of Object.entries(KINDS)) {
  test(`${name}: learns, nearly as well as a full softmax`, async (t) => {
    await using model = makeModel(options)
    await using full = makeModel({ tieWeights: options.tieWeights ?? false })
    const before = await model.evaluate(validation)
    for (const one of [model, full]) await one.fit(text, fitOptions({ epochs: 4 }))
    const [after, wanted] = [await model.evaluate(validation), await full.evaluate(validation)]
    t.true(after.nats < before.nats - 0.3, `${before.nats} -> ${after.nats}`)
    t.true(after.nats < wanted.nats + 0.15, `${after.nats} beside ${wanted.nats}`)
  })

  test(`${name}: scores are of distributions, and all that a model does goes by them`, async (t) => {
    await using model = makeModel(options)
    await model.fit(text, fitOptions({ maxSteps: 20 }))
    const ids = tokenizer.encode('w1 w2 w3')
    const nats = await Promise.all(
      Array.from({ length: tokenizer.size }, async (_, id) => {
        const all = await model.surprisals(Int32Array.of(...ids, id))
        return all.at(-1) as number
      }),
    )
    const sum = nats.reduce((sum, one) => sum + Math.exp(-one), 0)
    t.true(Math.abs(sum - 1) < 1e-4, String(sum))
    // The likeliest follows greedily.
    const best = nats.indexOf(Math.min(...nats.filter((_, id) => id !== tokenizer.unknown)))
    const greedy = { length: 1, topK: 1 }
    const next = await collect(model.generate('w1 w2 w3', greedy))
    t.is(next.trim(), tokenizer.tokens[best])
    const scores = await model.score(['w1 w2', 'w7 w2 w0'])
    t.true(scores.every((score) => score < 0 && Number.isFinite(score)))
  })

  test(`${name}: saved, loaded and resumed it is the same`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
    const fit = (steps: number, more: LanguageFitOptions) =>
      fitOptions({ maxSteps: steps, validation: null, accumulate: 2, ...more })
    await using whole = makeModel(options)
    await whole.fit(text, fit(50, {})) // more than a pass
    await using half = makeModel(options)
    await half.fit(text, fit(23, { checkpoint: directory }))
    await using resumed = makeModel(options)
    await resumed.fit(text, fit(50, { checkpoint: directory, resume: true }))
    t.deepEqual(await weightsOf(resumed), await weightsOf(whole))
    const saved = join(directory, 'model')
    await resumed.save(saved)
    await using loaded = await LanguageModel.load(saved)
    t.deepEqual(loaded.options, resumed.options)
    t.deepEqual(await weightsOf(loaded), await weightsOf(resumed))
    t.is((await loaded.evaluate(validation)).nats, (await resumed.evaluate(validation)).nats)
    const other = makeModel({ ...options, seed: 4, softmax: 'full', ...none })
    const again = fit(60, { checkpoint: directory, resume: true })
    await t.throwsAsync(other.fit(text, again), { message: /softmax/ })
    await other.dispose()
  })
}
const none = { cutoffs: undefined, divisor: undefined, samples: undefined }

test('parts of a batch come to the same as the whole', async (t) => {
  for (const options of Object.values(KINDS)) {
    await using whole = makeModel({ ...options, dropout: 0 })
    await using parts = makeModel({ ...options, dropout: 0 })
    const optimizer = optim.sgd({ lr: 0.5 })
    await whole.fit(text, fitOptions({ maxSteps: 5, optimizer }))
    await parts.fit(text, fitOptions({ maxSteps: 5, optimizer, accumulate: 3 }))
    t.true(largestDifference(await weightsOf(whole), await weightsOf(parts)) < 1e-4)
  }
})

test('a sampled softmax learns by rows, tied or not', async (t) => {
  for (const tieWeights of [false, true]) {
    await using dense = makeModel({ softmax: 'sampled', samples: 4, tieWeights, dropout: 0 })
    await using lazy = makeModel({ softmax: 'sampled', samples: 4, tieWeights, dropout: 0 })
    for (const [model, byRows] of [
      [dense, false],
      [lazy, true],
    ] as const)
      await model.fit(
        text,
        fitOptions({ maxSteps: 4, optimizer: optim.sgd({ lr: 0.3, lazy: byRows }) }),
      )
    t.true(largestDifference(await weightsOf(lazy), await weightsOf(dense)) < 1e-4)
  }
  await using full = makeModel({ tieWeights: true })
  const optimizer = optim.sgd({ lr: 0.3, lazy: true })
  await t.throwsAsync(full.fit(text, fitOptions({ optimizer })), { message: /not tied/ })
})

test('what is not said follows from the vocabulary', (t) => {
  const of = (words: number, options: Partial<LanguageModelOptions>) => {
    const all = Array.from({ length: words - 1 }, (_, i) => `w${i}`).join(' ')
    const tokenizer = Tokenizer.spaces(all)
    return new LanguageModel({ tokenizer, hidden: 16, layers: 1, ...options }).options
  }
  t.deepEqual(of(101, { softmax: 'adaptive' }).cutoffs, [26])
  t.deepEqual(of(4001, { softmax: 'adaptive' }).cutoffs, [2000])
  t.deepEqual(of(20_001, { softmax: 'adaptive' }).cutoffs, [2000, 10_000])
  t.is(of(101, { softmax: 'sampled' }).samples, 25)
  t.is(of(40_000, { softmax: 'sampled' }).samples, 8192)
  const full = of(101, {})
  t.false('cutoffs' in full || 'samples' in full)
})

test('what does not go together is refused by name', async (t) => {
  const refused = (options: object, message: RegExp) =>
    t.throws(() => makeModel(options), { code: 'ERR_ARGUMENT', message })
  refused({ softmax: 'half' }, /softmax: expected one of full, adaptive, sampled/)
  refused({ cutoffs: [10] }, /cutoffs: expected none without softmax adaptive/)
  refused({ softmax: 'sampled', divisor: 2 }, /divisor: expected none without softmax adaptive/)
  refused({ softmax: 'adaptive', samples: 3 }, /samples: expected none without softmax sampled/)
  refused({ softmax: 'adaptive', cutoffs: [30, 10] }, /cutoffs: expected rising whole numbers/)
  refused({ softmax: 'adaptive', cutoffs: [61] }, /cutoffs: expected rising whole numbers from 1/)
  refused(
    { softmax: 'adaptive', cutoffs: [5, 9, 20] },
    /divisor: .* at most 2.51, so that the last cluster has one of 16 features/,
  )
  refused(
    { softmax: 'adaptive', cutoffs: [9], tieWeights: true },
    /tieWeights: expected false with/,
  )
  refused({ softmax: 'sampled', samples: 40 }, /samples: expected at most half of the 61 classes/)
  await using model = makeModel(KINDS['adaptive']!)
  const penalised = fitOptions({ confidencePenalty: 0.1 })
  const message = /confidencePenalty: expected 0 with the softmax 'adaptive'/
  await t.throwsAsync(model.fit(text, penalised), { code: 'ERR_ARGUMENT', message })
  const path = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'model.onnx')
  await t.throwsAsync(convert.writeOnnx(path, model), { message: /softmax: an adaptive one/ })
  t.true(model.network.output instanceof nn.AdaptiveSoftmax)
})
