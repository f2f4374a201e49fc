/** Training steps that run as programs (CUDA graphs): only with a CUDA device. */
import test from 'ava'
import {
  LanguageModel,
  memory,
  ops,
  optim,
  Parameter,
  profile,
  scope,
  Seq2Seq,
  Tokenizer,
  type LanguageFitOptions,
  type LanguageModelOptions,
  type Seq2SeqFitOptions,
  type Seq2SeqModelOptions,
  type Tensor,
  type TrainerFitOptions,
} from 'rnnative'
import { Programs } from '#dist/train/programs.js'
import { makePairs } from '../models/seq2seq/pairs.mjs'
import {
  makeText,
  temporaryDirectory,
  text as long,
  tokenizer,
} from '../models/language/support.mjs'
import { SLOW } from '../support/check.mjs'
import { kernels } from '../support/op.mjs'
import { accuracy, makeTrainer, settings, Tagger } from './tagger.mjs'

const available = kernels().some(({ device }) => device === 'cuda')
const onDevice = available ? test.serial : test.serial.skip
const device = 'cuda'
/** What a pass recorded is replayed in the next. */
const PASSES = SLOW ? 2 : 3

async function submitted<T>(body: () => Promise<T>): Promise<T> {
  process.env['RNNATIVE_CUDA_GRAPHS'] = '0'
  try {
    return await body()
  } finally {
    delete process.env['RNNATIVE_CUDA_GRAPHS']
  }
}

const read = async (x: Tensor): Promise<number[]> => [...(await x.data())]

async function eventsOf(run: AsyncIterable<{ loss: number; gradientNorm: number }>) {
  const events: number[] = []
  for await (const { loss, gradientNorm } of run) events.push(loss, gradientNorm)
  return events
}

// --- language models

const text = long.slice(0, long.length / 6) // emulated steps take their time

async function learnText(
  options: Partial<LanguageModelOptions> = {},
  fit: Partial<LanguageFitOptions> = {},
): Promise<number[]> {
  await using model = new LanguageModel({
    ...{ tokenizer, device, seed: 3, layers: 2, hidden: 12, embedding: 8, dropout: 0.2 },
    ...options,
  })
  const settings = { batch: 6, steps: 15, epochs: PASSES, optimizer: optim.adam({ lr: 0.01 }) }
  const schedule = optim.schedule.plateau({ gamma: 0.7 })
  const measured = { validation: makeText(60, 2), schedule }
  return await eventsOf(model.fit(text, { ...settings, ...measured, clipNorm: 1, ...fit }))
}

for (const [what, options, fit] of [
  ['LSTM', {}, {}],
  [
    'positions that begin again, tokens dropped',
    { positions: 'learned', positionLimit: 32, embeddingDropout: 0.2 },
    {},
  ],
  ['GRU, micro-batches', { cell: 'gru' }, { accumulate: 4 }],
  ['bf16, weights tied', { precision: 'bf16', embedding: 12, tieWeights: true }, {}],
  ['an adaptive softmax', { softmax: 'adaptive', cutoffs: [5, 11], divisor: 2 }, {}],
  ['a sampled softmax', { softmax: 'sampled', samples: 9 }, {}],
  ['weights dropped, zoneout, micro-batches', { weightDrop: 0.4, zoneout: 0.2 }, { accumulate: 2 }],
  [
    'penalties',
    { weightDrop: 0.4 },
    { activationPenalty: 2, temporalPenalty: 1, confidencePenalty: 0.1, l2: { weight_hh: 1e-3 } },
  ],
  ['rows of the embedding alone', {}, { optimizer: optim.adam({ lr: 0.01, lazy: true }) }],
  [
    'rows alone, micro-batches',
    { positions: 'learned' },
    { optimizer: optim.sgd({ lr: 0.5, momentum: 0.9, lazy: true }), accumulate: 3 },
  ],
  [
    'SGD, averaged, groups of gates',
    {},
    { optimizer: optim.sgd({ lr: 0.5, momentum: 0.9 }), average: optim.average.asgd() },
  ],
] as const)
  onDevice(`language model, ${what}: bit for bit as op by op, over passes`, async (t) => {
    const recorded = await learnText(options, fit)
    t.deepEqual(recorded, await submitted(() => learnText(options, fit)))
    t.is(recorded.length, 2 * PASSES * 7)
  })

onDevice('all steps of a language model are programs', async (t) => {
  const rows = await profile(() => learnText({}, { epochs: 1 }))
  t.deepEqual(
    rows
      .filter(({ op }) => ['program', 'lstm_backward', 'optimizer_step'].includes(op))
      .map(({ op }) => op),
    ['program'],
  )
  t.is(memory().programs, 0)
})

// --- translators

const pairs = makePairs(60)
const morePairs = makePairs(400)
const letters = Tokenizer.characters('abcdef').withBoundaries()

async function learnPairs(
  options: Partial<Seq2SeqModelOptions> = {},
  fit: Partial<Seq2SeqFitOptions> = {},
  given = pairs,
): Promise<number[]> {
  await using model = new Seq2Seq({
    ...{ source: letters, target: letters, device, seed: 3, hidden: 12, embedding: 8 },
    ...{ encoder: { bidirectional: true }, dropout: 0.2 },
    ...options,
  })
  const settings = { batchTokens: 64, epochs: PASSES, optimizer: optim.adam({ lr: 0.01 }) }
  return await eventsOf(model.fit(given, { ...settings, clipNorm: 1, ...fit }))
}

const close = (a: readonly number[], b: readonly number[]): boolean =>
  a.length >= 16 &&
  a.length === b.length &&
  a.every((x, i) => Math.abs(x - (b[i] as number)) <= 2e-4 * Math.abs(x))

const KINDS: [string, Partial<Seq2SeqModelOptions>, Partial<Seq2SeqFitOptions>][] = [
  ['additive', { attention: 'additive', cell: 'gru' }, {}],
  ['two layers, dot', { attention: 'dot', layers: 2 }, { labelSmoothing: 0.1 }],
  ['no attention, the summary fed', { attention: 'none', feedSummary: true }, {}],
  ['weights dropped, zoneout', { weightDrop: 0.4, zoneout: 0.2, layers: 2 }, {}],
  ['residual', { layers: 3, residual: true }, {}],
  ['rows alone', {}, { optimizer: optim.adam({ lr: 0.01, lazy: true }) }],
  ['tied', { embedding: 12, tieEmbeddings: 'all' }, { optimizer: optim.adagrad({ lr: 0.05 }) }],
]
for (const [what, options, fit] of KINDS)
  onDevice(`translator, ${what}: as op by op, and twice the same`, async (t) => {
    const recorded = await learnPairs(options, fit)
    t.true(close(recorded, await submitted(() => learnPairs(options, fit))))
    t.deepEqual(recorded, await learnPairs(options, fit))
  })

onDevice('a translator whose batches have more tokens than one step of room', async (t) => {
  const learn = () => learnPairs({ attention: 'dot' }, { batchTokens: 1600, epochs: 4 }, morePairs)
  t.true(close(await learn(), await submitted(learn)))
})

onDevice('a translator in bf16 is as op by op, but for rounding', async (t) => {
  const recorded = await learnPairs({ precision: 'bf16' })
  const other = await submitted(() => learnPairs({ precision: 'bf16' }))
  t.true(recorded.every((x, i) => Math.abs(x - (other[i] as number)) <= 2e-2 * Math.abs(x)))
})

for (const [what, learn] of [
  ['language model', learnText],
  ['translator', learnPairs],
] as const)
  onDevice(`${what}: resuming continues bit for bit, whatever was recorded before`, async (t) => {
    const straight = await learn()
    const checkpoint = temporaryDirectory()
    const begun = await learn({}, { checkpoint, maxSteps: 5 })
    const over = await learn({}, { checkpoint, resume: true, maxSteps: 9 })
    const ended = await learn({}, { checkpoint, resume: true })
    t.deepEqual([...begun, ...over, ...ended], straight)
  })

for (const [what, fit] of [
  ['', {}],
  [', accumulated', { accumulate: 2 }],
] as const)
  onDevice(`a module of ones own${what}: as op by op, and resumed bit for bit`, async (t) => {
    const learn = async (options: TrainerFitOptions = {}) => {
      using tagger = new Tagger({ dropout: 0.2, device })
      const trainer = makeTrainer(tagger, { measures: accuracy })
      const events: number[] = []
      const run = trainer.fit({ ...settings, epochs: 4, ...fit, ...options })
      for await (const { loss, gradientNorm, measures } of run)
        events.push(loss, gradientNorm, measures?.['accuracy'] as number)
      return events
    }
    const rows = await profile(async () => {
      const recorded = await learn()
      const checkpoint = temporaryDirectory()
      const begun = await learn({ checkpoint, maxSteps: 6 })
      t.deepEqual([...begun, ...(await learn({ checkpoint, resume: true }))], recorded)
      t.true(close(recorded, await submitted(() => learn())))
    })
    t.true(rows.some(({ op, calls }) => op === 'program' && calls > 6))
  })

onDevice('a fit that was stopped leaves a model that trains on', async (t) => {
  await using model = new LanguageModel({ tokenizer, device, seed: 3, layers: 1, hidden: 12 })
  const options = { batch: 6, steps: 15, epochs: 2 }
  for await (const { step } of model.fit(text, options)) if (step === 2) break
  t.is((await model.fit(text, options)).stopped, 'epochs')
})

onDevice('programs that are too many go, the oldest first', async (t) => {
  using weight = new Parameter([2], { device }).fill(1)
  using optimizer = optim.sgd({ lr: 1 }).bind([['weight', weight]])
  using programs = new Programs(device, optimizer, 2)
  let recorded = 0
  const nothing = { loss: 0, gradientNorm: 0, measures: undefined }
  const step = async (number: number, size: number) => {
    const enqueue = ([x]: readonly Tensor[]) => {
      ++recorded
      optimizer.zeroGrad()
      const loss = scope(() => {
        const product = ops.mul(ops.sum(weight), x as Tensor)
        product.backward()
        return product.detach()
      })
      return { scalars: [optimizer.step(), loss], read: () => nothing }
    }
    const input = { shape: [], data: Float32Array.of(number) }
    const [, loss] = programs.run(number, String(size), [input], enqueue).scalars
    return loss?.item()
  }
  t.is(await step(1, 1), 2)
  t.is(await step(2, 2), 0)
  t.is(await step(3, 1), -12)
  t.is(recorded, 2)
  await step(4, 3) // 2 goes
  await step(5, 1)
  t.is(recorded, 3)
  await step(6, 2)
  t.is(recorded, 4)
  t.deepEqual(await read(weight), [-20, -20])
})
