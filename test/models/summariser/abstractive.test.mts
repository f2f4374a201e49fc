import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { AbstractiveSummariser, loadSummarizer, optim, Summariser, type Summarized } from 'rnnative'

/** The summary says who won; a name occurs once in all. */
const examples = (names: string): Summarized[] =>
  Array.from({ length: 60 }, (_, i) => {
    const [a, b] = [`${names}${i}`, `${names}x${i}`]
    const [first, last] = i % 2 ? [a, b] : [b, a]
    const text = ['It rained.', `${first} ran beside ${last}.`, `In the end ${a} won.`]
    return { text: i % 3 ? text : text.join(' '), summary: [`${a} won.`, `It was ${a}.`] }
  })
const learned = examples('Anna')
const held = examples('Berta').slice(0, 20)
const network = { hidden: 24, cell: 'gru', minCount: 5, seed: 3 } as const

async function temporary(t: { teardown(end: () => unknown): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rnnative-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('it writes names that it has never seen, and again once loaded', async (t) => {
  const directory = await temporary(t)
  await using made = await AbstractiveSummariser.for(learned, network)
  t.is(made.tokenizer.idOf('Anna3'), undefined)
  const optimizer = optim.adam({ lr: 0.01 })
  await made.fit(learned, { optimizer, batchTokens: 250, epochs: 14, validation: held })
  const documents = held.map(({ text }) => text)
  const summaries = await made.summarize(documents)
  const right = summaries.filter(({ summary }, i) => summary === held[i]!.summary[0]).length
  t.true(right >= 18, `${right} of 20`)
  const { rouge1 } = await made.evaluate(held, { beam: 1 })
  t.true(rouge1.f1 > 90)
  await made.save(join(directory, 'model'))
  await using again = await loadSummarizer(join(directory, 'model'))
  t.true(again instanceof AbstractiveSummariser)
  t.deepEqual(await again.summarize(documents), summaries)
  await using chooser = await Summariser.for(learned, { hidden: 4, embedding: 4, minCount: 1 })
  await chooser.save(join(directory, 'chooser'))
  await using other = await loadSummarizer(join(directory, 'chooser'))
  t.true(other instanceof Summariser)
})

test('small letters, resumed runs, and what is refused by name', async (t) => {
  const directory = await temporary(t)
  const learn = async (checkpoint: string, steps: readonly number[]) => {
    let weights: unknown[] = []
    for (const maxSteps of steps) {
      const options = { ...network, lowerCase: true, unit: 'space', dropout: 0.2 } as const
      await using made = await AbstractiveSummariser.for(learned, options)
      t.true(made.tokenizer.idOf('it') !== undefined && made.tokenizer.idOf('It') === undefined)
      const resume = maxSteps > (steps[0] as number)
      const fits = { batchTokens: 250, coverage: 1, checkpoint: join(directory, checkpoint) }
      await made.fit(learned, { ...fits, maxSteps, resume, references: 'each' })
      weights = await Promise.all([...made.network.stateDict()].map(([, value]) => value.data()))
    }
    return weights
  }
  t.deepEqual(await learn('parted', [2, 4]), await learn('whole', [4]))

  await using made = await AbstractiveSummariser.for(learned, network)
  const code = 'ERR_ARGUMENT'
  const refused = (options: object, message: RegExp) =>
    t.throwsAsync(AbstractiveSummariser.for(learned, options), { code, message })
  await refused({ attention: 'none' }, /copy: expected false without attention/)
  await refused({ unit: 'char' }, /unit: expected word, space/)
  await refused({ copy: true }, /copy/)
  await t.throwsAsync(AbstractiveSummariser.for([]), { code: 'ERR_EMPTY' })
  const fit = (given: unknown, options: object) =>
    Promise.resolve(made.fit(given as never, options))
  await t.throwsAsync(fit([{ text: 1, summary: 'a' }], {}), { code, message: /example 0/ })
  await t.throwsAsync(fit(learned, { labelSmoothing: 0.1 }), { code, message: /labelSmoothing/ })
  await t.throwsAsync(made.summarize([3 as never]), { code, message: /documents\[0\]/ })
  await t.throwsAsync(made.summarize(['a'], { beam: 0 }), { code, message: /beam/ })
})
