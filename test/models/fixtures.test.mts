/** What older versions wrote still loads, and their runs go on as they would have. */
import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import * as api from 'rnnative'
import {
  conversations,
  FIXTURES,
  fits,
  held,
  labelled,
  letters,
  pairs,
  running,
  saved,
  sentences,
  series,
  STEPS,
  text,
} from './fixtures/recipes.mjs'

type Family =
  'language' | 'seq2seq' | 'classifier' | 'tagger' | 'forecaster' | 'autoencoder' | 'dialogue'

const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<
  Family,
  { losses: number[]; nats: number }
>

/** Another instruction set sums in another order. */
const TOLERANCE = 1e-4

const near = (t: ExecutionContext, got: number, wanted: number) =>
  t.true(Math.abs(got - wanted) <= TOLERANCE * Math.abs(wanted), `${got}, expected ${wanted}`)

test('a saved language model loads', async (t) => {
  await using model = await api.LanguageModel.load(join(FIXTURES, 'language', 'model'))
  await using made = saved.language(api)
  t.deepEqual(model.options, made.options)
  t.is(model.seed, made.seed)
  near(t, (await model.evaluate(held)).nats, expected.language.nats)
})

test('a saved Seq2Seq loads', async (t) => {
  await using model = await api.Seq2Seq.load(join(FIXTURES, 'seq2seq', 'model'))
  await using made = saved.seq2seq(api)
  t.deepEqual(model.options, made.options)
  t.is(model.seed, made.seed)
  near(t, (await model.evaluate(pairs)).nats, expected.seq2seq.nats)
})

test('a saved classifier loads', async (t) => {
  await using model = await api.TextClassifier.load(join(FIXTURES, 'classifier', 'model'))
  await using made = saved.classifier(api)
  t.deepEqual(model.options, made.options)
  t.is(model.seed, made.seed)
  near(t, (await model.evaluate(labelled)).loss, expected.classifier.nats)
})

test('a saved tagger loads', async (t) => {
  await using model = await api.SequenceTagger.load(join(FIXTURES, 'tagger', 'model'))
  await using made = saved.tagger(api)
  t.deepEqual(model.options, made.options)
  t.deepEqual(model.vocabulary, made.vocabulary)
  near(t, (await model.evaluate(sentences)).loss, expected.tagger.nats)
})

test('a saved forecaster loads', async (t) => {
  await using model = await api.Forecaster.load(join(FIXTURES, 'forecaster', 'model'))
  await using made = saved.forecaster(api)
  t.deepEqual(model.options, made.options)
  t.is(model.seed, made.seed)
  near(t, (await model.evaluate(series)).mae, expected.forecaster.nats)
})

test('a saved autoencoder loads', async (t) => {
  await using model = await api.Autoencoder.load(join(FIXTURES, 'autoencoder', 'model'))
  await using made = saved.autoencoder(api)
  t.deepEqual(model.options, made.options)
  t.is(model.seed, made.seed)
  near(t, (await model.evaluate(letters)).nats, expected.autoencoder.nats)
})

test('a saved dialogue loads', async (t) => {
  await using model = await api.Dialogue.load(join(FIXTURES, 'dialogue', 'model'))
  await using made = saved.dialogue(api)
  t.deepEqual(model.options, made.options)
  t.is(model.seed, made.seed)
  near(t, (await model.evaluate(conversations)).nats, expected.dialogue.nats)
})

/** A copy of a fixture's run, to go on in. */
function copyOf(family: Family): string {
  const directory = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'run')
  cpSync(join(FIXTURES, family, 'run'), directory, { recursive: true })
  return directory
}

async function goesOn(
  t: ExecutionContext,
  family: Family,
  run: api.Run<api.TrainingEvent, api.TrainingResult>,
) {
  const steps: number[] = []
  for await (const { step, loss } of run) {
    steps.push(step)
    near(t, loss, expected[family].losses[step - 1] as number)
  }
  t.is(steps[0], STEPS.kept + 1)
  t.is(steps.at(-1), STEPS.whole)
}

test('a run of a language model resumes', async (t) => {
  const checkpoint = copyOf('language')
  await using best = await api.LanguageModel.load(checkpoint)
  await using model = running.language(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'language', model.fit(text, { ...fits.language(api), ...limits }))
})

test('a run of a Seq2Seq resumes', async (t) => {
  const checkpoint = copyOf('seq2seq')
  await using best = await api.Seq2Seq.load(checkpoint)
  await using model = running.seq2seq(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'seq2seq', model.fit(pairs, { ...fits.seq2seq(api), ...limits }))
})

test('a run of a classifier resumes', async (t) => {
  const checkpoint = copyOf('classifier')
  await using best = await api.TextClassifier.load(checkpoint)
  await using model = running.classifier(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'classifier', model.fit(labelled, { ...fits.classifier(api), ...limits }))
})

test('a run of a tagger resumes', async (t) => {
  const checkpoint = copyOf('tagger')
  await using best = await api.SequenceTagger.load(checkpoint)
  await using model = running.tagger(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'tagger', model.fit(sentences, { ...fits.tagger(api), ...limits }))
})

test('a run of a forecaster resumes', async (t) => {
  const checkpoint = copyOf('forecaster')
  await using best = await api.Forecaster.load(checkpoint)
  await using model = running.forecaster(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'forecaster', model.fit(series, { ...fits.forecaster(api), ...limits }))
})

test('a run of an autoencoder resumes', async (t) => {
  const checkpoint = copyOf('autoencoder')
  await using best = await api.Autoencoder.load(checkpoint)
  await using model = running.autoencoder(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'autoencoder', model.fit(letters, { ...fits.autoencoder(api), ...limits }))
})

test('a run of a dialogue resumes', async (t) => {
  const checkpoint = copyOf('dialogue')
  await using best = await api.Dialogue.load(checkpoint)
  await using model = running.dialogue(api)
  t.deepEqual(best.options, model.options)
  const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
  await goesOn(t, 'dialogue', model.fit(conversations, { ...fits.dialogue(api), ...limits }))
})
