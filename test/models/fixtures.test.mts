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
  summarized,
  text,
} from './fixtures/recipes.mjs'

type Family =
  | 'language'
  | 'seq2seq'
  | 'classifier'
  | 'tagger'
  | 'forecaster'
  | 'autoencoder'
  | 'dialogue'
  | 'summariser'
  | 'abstractive'

const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<
  Family,
  { losses: number[]; nats: number }
>

/** Another instruction set sums in another order. */
const TOLERANCE = 1e-4

const near = (t: ExecutionContext, got: number, wanted: number) =>
  t.true(Math.abs(got - wanted) <= TOLERANCE * Math.abs(wanted), `${got}, expected ${wanted}`)

/** What differs from family to family. */
interface Kind<M extends Loaded> {
  load(directory: string): Promise<M>
  data: unknown
  evaluate(model: M): Promise<number>
  /** What a model has besides its options and seed. */
  has?(model: M): unknown
}

/** What a model of any family is, as far as it is asked here. */
interface Loaded extends AsyncDisposable {
  readonly options: unknown
  readonly seed: number
}

const kind = <M extends Loaded>(of: Kind<M>): Kind<M> => of

const KINDS = {
  language: kind({
    load: (directory) => api.LanguageModel.load(directory),
    data: text,
    evaluate: async (model) => (await model.evaluate(held)).nats,
  }),
  seq2seq: kind({
    load: (directory) => api.Seq2Seq.load(directory),
    data: pairs,
    evaluate: async (model) => (await model.evaluate(pairs)).nats,
  }),
  classifier: kind({
    load: (directory) => api.TextClassifier.load(directory),
    data: labelled,
    evaluate: async (model) => (await model.evaluate(labelled)).loss,
  }),
  tagger: kind({
    load: (directory) => api.SequenceTagger.load(directory),
    data: sentences,
    evaluate: async (model) => (await model.evaluate(sentences)).loss,
    has: ({ vocabulary }) => vocabulary,
  }),
  forecaster: kind({
    load: (directory) => api.Forecaster.load(directory),
    data: series,
    evaluate: async (model) => (await model.evaluate(series)).mae,
  }),
  autoencoder: kind({
    load: (directory) => api.Autoencoder.load(directory),
    data: letters,
    evaluate: async (model) => (await model.evaluate(letters)).nats,
  }),
  dialogue: kind({
    load: (directory) => api.Dialogue.load(directory),
    data: conversations,
    evaluate: async (model) => (await model.evaluate(conversations)).nats,
  }),
  summariser: kind({
    load: (directory) => api.Summariser.load(directory),
    data: summarized,
    async evaluate(model) {
      const [summary] = await model.summarize([summarized[0]?.text ?? ''])
      return summary?.sentences[0]?.score as number
    },
  }),
  abstractive: kind({
    load: (directory) => api.AbstractiveSummariser.load(directory),
    data: summarized,
    async evaluate(model) {
      const [made] = await model.summarize([summarized[0]?.text ?? ''], { maxLength: 4 })
      return made?.logProbability as number
    },
  }),
} satisfies Record<Family, unknown>
const ALL = Object.entries(KINDS) as unknown as [Family, Kind<Loaded>][]

for (const [family, { load, evaluate, has }] of ALL)
  test(`a saved model loads: ${family}`, async (t) => {
    await using model = await load(join(FIXTURES, family, 'model'))
    await using made: Loaded = saved[family](api)
    t.deepEqual(model.options, made.options)
    t.is(model.seed, made.seed)
    t.deepEqual(has?.(model), has?.(made))
    near(t, await evaluate(model), expected[family].nats)
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

/** A model that learns, of any family. */
interface Learning extends Loaded {
  fit(data: unknown, options: object): api.Run<api.TrainingEvent, api.TrainingResult>
}

for (const [family, { load, data }] of ALL)
  test(`a run resumes: ${family}`, async (t) => {
    const checkpoint = copyOf(family)
    await using best = await load(checkpoint)
    await using model = running[family](api) as unknown as Learning
    t.deepEqual(best.options, model.options)
    const limits = { checkpoint, resume: true, maxSteps: STEPS.whole }
    await goesOn(t, family, model.fit(data, { ...fits[family](api), ...limits }))
  })
