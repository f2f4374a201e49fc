/** Pruning in a run: at the steps that were told, in events, and through checkpoints. */
import test from 'ava'
import { LanguageModel, optim, type DeviceName, type LanguageFitOptions } from 'rnnative'
import {
  fitOptions,
  makeModel,
  temporaryDirectory,
  text,
  weightsOf,
} from '../models/language/support.mjs'
import { kernels } from '../support/op.mjs'
import { makeTrainer, Tagger } from './tagger.mjs'

const zeros = (values: readonly number[] = []): number => values.filter((x) => x === 0).length

async function learn(device: DeviceName, fit: LanguageFitOptions) {
  await using model = makeModel({ device, hidden: 20, dropout: 0.2 })
  const told: (number | undefined)[] = []
  for await (const { sparsity } of model.fit(text, { ...fitOptions(), maxSteps: 9, ...fit }))
    told.push(sparsity)
  return { told, weights: await weightsOf(model) }
}

for (const device of new Set(kernels().map(({ device }) => device)))
  test(`${device}: resumed, a run that prunes equals the uninterrupted`, async (t) => {
    const pruning = { sparsity: 0.75, from: 2, to: 6, every: 2, parameters: 'rnn.' }
    const average = optim.average.ema({ decay: 0.6 })
    const pruned = { prune: optim.prune(pruning), average }
    const whole = await learn(device, pruned)
    t.is(whole.told[0], 0)
    t.deepEqual(
      whole.told.map((x = NaN) => Math.round(100 * x)),
      [0, 0, 0, 66, 66, 75, 75, 75, 75],
    )
    const matrices = Object.entries(whole.weights).filter(([name]) => name.startsWith('rnn.weight'))
    for (const [name, values] of matrices) t.is(zeros(values), 0.75 * values.length, name)
    t.is(zeros(whole.weights['output.weight']), 0)
    for (const cut of [3, 5, 8]) {
      const checkpoint = temporaryDirectory()
      const begun = await learn(device, { ...pruned, checkpoint, maxSteps: cut })
      const ended = await learn(device, { ...pruned, checkpoint, resume: true })
      t.deepEqual([...begun.told, ...ended.told], whole.told)
      t.deepEqual(ended.weights, whole.weights)
    }
  })

test('blocks of a saved model are whole; it goes on pruned, with or without the option', async (t) => {
  const checkpoint = temporaryDirectory()
  const prune = optim.prune({ sparsity: 0.5, to: 1, blocks: true })
  const { weights, told } = await learn('cpu', { prune, checkpoint, maxSteps: 2 })
  t.is(told.length, 2)
  // Units 0-15 or 16-19, of all four gates, by all inputs or the first sixteen or the rest.
  const weight = weights['rnn.weight_hh_l1'] as number[]
  const block = (unit: number, input: number) =>
    Array.from({ length: 4 }, (_, gate) => weight[(gate * 20 + unit) * 20 + input])
  const empty = [0, 16].flatMap((unit) =>
    [0, 16].map((input) => zeros(block(unit, input) as number[])),
  )
  t.deepEqual(
    empty.toSorted((a, b) => a - b),
    [0, 0, 4, 4],
  )
  const on = await learn('cpu', { checkpoint, resume: true, maxSteps: 4 })
  t.is(on.told[0], undefined)
  t.is(zeros(on.weights['rnn.weight_hh_l1']), zeros(weight))
  await using saved = await LanguageModel.load(checkpoint)
  t.deepEqual((await weightsOf(saved))['rnn.weight_hh_l1'], on.weights['rnn.weight_hh_l1'])
})

test('a share of the run; what makes no sense is refused', async (t) => {
  using tagger = new Tagger()
  const trainer = makeTrainer(tagger)
  const told: (number | undefined)[] = []
  const half = optim.prune({ sparsity: 0.5, every: 2 })
  for await (const { sparsity } of trainer.fit({ maxSteps: 12, prune: half })) told.push(sparsity)
  t.deepEqual(
    told.map((x = NaN) => x > 0),
    told.map((_, i) => i >= 3),
  )
  t.deepEqual(told.slice(8), [0.5, 0.5, 0.5, 0.5])
  const refused = async (prune: unknown, message: RegExp) => {
    const error = await t.throwsAsync(async () =>
      trainer.fit({ epochs: Infinity, prune: prune as never }),
    )
    t.regex(error?.message ?? '', message)
  }
  await refused({ sparsity: 0.5 }, /^\[fit\] prune: expected one such as optim.prune\(\) gives/)
  await refused(half, /^\[fit\] prune: expected one with to, as nothing ends the run/)
  await refused(
    optim.prune({ sparsity: 0.5, to: 4, parameters: 'x' }),
    /^\[prune\] parameters: expected what/,
  )
})
