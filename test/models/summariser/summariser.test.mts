import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { optim, Summariser, type Summarized, type SummariserFitOptions } from 'rnnative'

/** The summary is always the sentence that proposes something, wherever it stands. */
const things = ['a net', 'a rule', 'a loss', 'a map', 'a tool', 'a code', 'a test', 'a plan']
const examples: Summarized[] = things.flatMap((thing, i) =>
  [0, 1, 2].map((place) => {
    const text = [`it is known since ${i}`, `many have tried ${thing} before`, 'results are good']
    text.splice(place, 0, `we propose ${thing}`)
    return { text, summary: `propose ${thing}` }
  }),
)
const network = { hidden: 6, embedding: 6, minCount: 1, seed: 3 } as const
const fits: SummariserFitOptions = { optimizer: optim.adam({ lr: 0.02 }), batch: 5 }

async function temporary(t: { teardown(end: () => unknown): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rnnative-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('it learns which sentence is the summary, and says so again once loaded', async (t) => {
  const directory = await temporary(t)
  await using made = await Summariser.for(examples, network)
  const run = await made.fit(examples, { ...fits, epochs: 30, validation: examples })
  t.true((run.validation as number) < 0.5)
  const documents = examples.map(({ text }) => text)
  const summaries = await made.summarize(documents)
  t.true(summaries.every(({ summary }) => summary.startsWith('we propose')))
  const score = await made.evaluate(examples)
  t.is(score.rouge1.recall, 100)
  await made.save(join(directory, 'model'))
  await using again = await Summariser.load(join(directory, 'model'))
  t.deepEqual(await again.summarize(documents), summaries)
  // Alone as among others, but for the last bits of its batch's sums.
  const [alone] = await again.summarize([documents[4] as string[]], { sentences: 2 })
  t.is(alone?.sentences.length, 2)
  t.deepEqual(await again.summarize(['', []]), [
    { summary: '', sentences: [] },
    { summary: '', sentences: [] },
  ])
})

test('a resumed run is the uninterrupted one, bit for bit', async (t) => {
  const directory = await temporary(t)
  const learn = async (checkpoint: string, steps: readonly number[]) => {
    let weights: Map<string, unknown> | undefined
    for (const maxSteps of steps) {
      await using made = await Summariser.for(examples, { ...network, dropout: 0.2 })
      await made.fit(examples, {
        ...fits,
        maxSteps,
        checkpoint,
        resume: maxSteps > (steps[0] as number),
      })
      weights = new Map()
      for (const [name, value] of made.network.stateDict())
        weights.set(name, Array.from(await value.data()))
    }
    return weights
  }
  const whole = await learn(join(directory, 'whole'), [9])
  t.deepEqual(await learn(join(directory, 'parted'), [4, 9]), whole)
})

test('bad options and examples are refused by name', async (t) => {
  await using made = await Summariser.for(examples, network)
  const code = 'ERR_ARGUMENT'
  await t.throwsAsync(Summariser.for(examples, { layers: 0 }), { code, message: /layers/ })
  await t.throwsAsync(Summariser.for([]), { code: 'ERR_EMPTY' })
  await t.throwsAsync(Promise.resolve(made.fit(examples, { sharpness: 0 })), {
    ...{ code, message: /sharpness/ },
  })
  const bad = [{ text: 'a', summary: [] }]
  await t.throwsAsync(Promise.resolve(made.fit(bad)), { code, message: /example 0/ })
  await t.throwsAsync(made.summarize(['a'], { sentences: 0 }), { code, message: /sentences/ })
  await t.throwsAsync(made.evaluate(examples, { tokenize: 'words' as 'none' }), {
    ...{ code, message: /tokenize/ },
  })
})
