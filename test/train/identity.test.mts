// The same run or another: what a resumed run must share with its beginning is refused by name, the rest is told.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LanguageModel, optim, Seq2Seq, Tokenizer, type Change, type Pair } from 'rnnative'
import { makeTrainer, examples, feedOf, held, settings, Tagger } from './tagger.mjs'
import { temporaryDirectory } from '../models/language/support.mjs'

const words = Tokenizer.words('a b c', { minCount: 1 })
const pairs: Pair[] = [
  ['a b', 'b a'],
  ['c', 'a'],
]
const translator = { source: words, target: words, hidden: 8, seed: 1, attention: 'dot' } as const
const ids = Int32Array.from({ length: 200 }, (_, i) => 1 + (i % 2))
const letters = (all: string) => Tokenizer.characters(all)
const writer = { tokenizer: letters('ab'), hidden: 4, embedding: 4, layers: 1, seed: 1 } as const
const reading = { batch: 4, steps: 10 }

const refused = (name: string) => ({
  ...{ code: 'ERR_ARGUMENT', message: new RegExp(`^\\[resume\\] ${name}: `) },
})

test('another translator is refused by the option that makes it another', async (t) => {
  const checkpoint = temporaryDirectory()
  const fit = async (options: object, training: object) => {
    await using model = new Seq2Seq({ ...translator, ...options })
    return await model.fit(pairs, { checkpoint, ...training })
  }
  await fit({}, { maxSteps: 1 })
  const resume = { maxSteps: 2, resume: true }
  const xyz = Tokenizer.words('x y z', { minCount: 1 })
  for (const [name, options] of [
    ['attention', { attention: 'scaled-dot' }],
    ['dropout', { dropout: 0.1 }],
    ['precision', { precision: 'bf16' }],
    ['hidden', { hidden: 9 }],
    ['encoder.layers', { encoder: { layers: 2 } }],
    ['reverseSource', { reverseSource: true }],
    ['cell', { cell: 'gru' }],
    ['init', { init: 'orthogonal' }],
    ['source', { source: xyz }],
    ['target', { target: xyz }],
  ] as const)
    await t.throwsAsync(fit(options, resume), refused(name), name)
  await t.throwsAsync(fit({}, { ...resume, optimizer: optim.sgd() }), refused('optimizer'))
  await t.throwsAsync(fit({}, { ...resume, labelSmoothing: 0.1 }), refused('labelSmoothing'))
  t.is((await fit({ seed: 5 }, resume)).step, 2)
})

test('another language model is refused by the option that makes it another', async (t) => {
  const checkpoint = temporaryDirectory()
  const fit = async (options: object, training: object) => {
    await using model = new LanguageModel({ ...writer, ...options })
    return await model.fit(ids, { ...reading, checkpoint, ...training })
  }
  await fit({}, { maxSteps: 1, optimizer: optim.sgd({ lr: 1 }) })
  const resume = { maxSteps: 2, resume: true }
  for (const [name, options] of [
    ['tokenizer', { tokenizer: letters('xy') }],
    ['hidden', { hidden: 5 }],
    ['tieWeights', { tieWeights: true }],
    ['recurrentDropout', { recurrentDropout: 0.5 }],
    ['weightDrop', { weightDrop: 0.5 }],
    ['zoneout', { zoneout: 0.5 }],
    ['thresholds', { thresholds: { f: 1 } }],
    ['embeddingDropout', { embeddingDropout: 0.1 }],
    ['positions', { positions: 'sinusoidal' }],
  ] as const)
    await t.throwsAsync(fit(options, resume), refused(name), name)
  const momentum = optim.sgd({ lr: 1, momentum: 0.9 })
  const error = await t.throwsAsync(fit({}, { ...resume, optimizer: momentum }))
  t.regex(error?.message ?? '', /optimizer: .* "sgd", got "sgd with momentum"$/)
})

test('a module of ones own: its data and its files make it the same', async (t) => {
  const checkpoint = temporaryDirectory()
  using tagger = new Tagger()
  const fit = (options: object, training: object = {}) =>
    makeTrainer(tagger, { files: { 'words.json': ['a'] }, ...options }).fit({
      ...{ ...settings, checkpoint, ...training },
    })
  await fit({}, { maxSteps: 1 })
  const resume = { maxSteps: 2, resume: true }
  const files = { 'words.json': ['b'] }
  await t.throwsAsync(fit({ files }, resume).then(), refused('words.json'))
  const others = examples.map(({ words, tags }) => ({ words: [...words].reverse(), tags }))
  await t.throwsAsync(fit({ feed: feedOf(others) }, resume).then(), refused('contents'))
})

test('what may differ is told; over other validation data the best counts anew', async (t) => {
  const checkpoint = temporaryDirectory()
  const told: (readonly Change[])[] = []
  const fit = async (validate: object, training: object) => {
    using tagger = new Tagger()
    return await makeTrainer(tagger, { validate: feedOf(validate as typeof held) }).fit({
      ...{ ...settings, checkpoint, resume: true, ...training },
      watch: { begin: ({ changed }) => void told.push(changed) },
    })
  }
  const { best } = await fit(held, { epochs: 2 })
  const again = await fit(held, { epochs: 2, patience: 4 })
  t.deepEqual(again.best, best)
  const other = await fit(examples, {
    ...{ epochs: 3, optimizer: optim.adam({ lr: 0.01 }), clipNorm: 2, patience: 4 },
    schedule: optim.schedule.cosine(),
  })
  t.is(other.best?.step, other.step)
  t.deepEqual(told[0], [])
  t.deepEqual(told[1], [{ name: 'patience', from: null, to: 4 }])
  const names = told[2]?.map(({ name }) => name) ?? []
  t.deepEqual(names.sort(), [...['clipNorm', 'epochs', 'lr', 'patience', 'schedule', 'validation']])
})

test('what an earlier version did not write down is not compared', async (t) => {
  const checkpoint = temporaryDirectory()
  await using model = new LanguageModel(writer)
  await model.fit(ids, { ...reading, checkpoint, maxSteps: 1 })
  const path = join(checkpoint, 'step-1', 'state.json')
  const state = JSON.parse(readFileSync(path, 'utf8')) as {
    settings?: object
    identity: Record<string, unknown>
    progress: { owed?: boolean }
  }
  delete state.settings
  delete state.progress.owed
  for (const name of ['dropout', 'tokenizer']) delete state.identity[name]
  writeFileSync(path, JSON.stringify(state))
  await using other = new LanguageModel({ ...writer, tokenizer: letters('xy'), dropout: 0.1 })
  const { step } = await other.fit(ids, { ...reading, checkpoint, maxSteps: 2, resume: true })
  t.is(step, 2)
})
