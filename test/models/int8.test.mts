/** Models that multiply in int8, where they have learned. */
import test from 'ava'
import { LanguageModel } from 'rnnative'
import { fitOptions, makeModel, makeText, temporaryDirectory, text } from './language/support.mjs'

for (const cell of ['lstm', 'gru', 'rnn'] as const)
  test.serial(`${cell}: scores as in f32, and not the same`, async (t) => {
    await using model = makeModel({ cell, hidden: 33 })
    await model.fit(text, { ...fitOptions(), epochs: 4 })
    const directory = temporaryDirectory()
    await model.save(directory, { precision: 'int8' })
    await using small = await LanguageModel.load(directory, { precision: 'int8' })
    t.is(small.options.precision, 'int8')
    const held = makeText(400, 5)
    const [single, rounded] = [await model.evaluate(held), await small.evaluate(held)]
    t.not(rounded.nats, single.nats)
    t.true(Math.abs(rounded.nats / single.nats - 1) < 0.02, `${rounded.nats}, f32: ${single.nats}`)

    let written = ''
    for await (const piece of small.generate('the whale', { length: 30, seed: 1 })) written += piece
    t.is(written.length, 30)

    const again = temporaryDirectory()
    await small.save(again)
    await using same = await LanguageModel.load(again)
    t.is(same.options.precision, 'int8')
    t.is((await same.evaluate(held)).nats, rounded.nats)
  })

test.serial('an adaptive softmax scores as in f32, and not the same', async (t) => {
  await using model = makeModel({ softmax: 'adaptive', cutoffs: [8, 16], divisor: 2 })
  await model.fit(text, { ...fitOptions(), epochs: 2 })
  const directory = temporaryDirectory()
  await model.save(directory)
  await using small = await LanguageModel.load(directory, { precision: 'int8' })
  const held = makeText(400, 5)
  const [single, rounded] = [await model.evaluate(held), await small.evaluate(held)]
  t.not(rounded.nats, single.nats)
  t.true(Math.abs(rounded.nats / single.nats - 1) < 0.02, `${rounded.nats}, f32: ${single.nats}`)
})

test('it does not learn, and has no layer norm', async (t) => {
  await using model = makeModel({ precision: 'int8' })
  await t.throwsAsync(model.fit(text, { ...fitOptions(), maxSteps: 1 }), {
    ...{ code: 'ERR_UNSUPPORTED', message: /precision: int8 has no gradients/ },
  })
  t.throws(() => makeModel({ precision: 'int8', layerNorm: true }), {
    ...{ code: 'ERR_ARGUMENT', message: /precision: expected f32 or bf16 with layerNorm/ },
  })
})
