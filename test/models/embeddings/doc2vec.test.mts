import test from 'ava'
import { Doc2Vec, type Doc2VecOptions } from 'rnnative'
import { fresh, topics } from './support.mjs'

const documents = topics(120).map((line, i) => `${line} own${i} own${i} ${topics(9, i + 7)[i % 2]}`)
const options: Doc2VecOptions = { dim: 16, minCount: 1, sample: 0, seed: 2 }
const fit = { epochs: 60, lr: 0.05, threads: 1 }

for (const own of [{ algorithm: 'dbow' }, { algorithm: 'dm' }, { loss: 'hierarchical' }] as const)
  test(`${Object.values(own).join()}: documents are nearest to themselves, inferred anew`, async (t) => {
    await using model = new Doc2Vec({ ...options, ...own })
    const result = await model.fit(documents, fit)
    t.is(result.documents, documents.length)
    const vectors = await model.infer(documents, { epochs: 60, lr: 0.05 })
    const all = await model.vectors()
    let own_ = 0
    for (const [i, vector] of vectors.entries()) {
      const [first] = await all.nearest(vector, { count: 1 })
      own_ += Number(first?.word === String(i))
    }
    t.true(own_ >= 0.8 * documents.length, `${own_} of ${documents.length}`)
    // Alone, with others and again: a document's vector is its own.
    t.deepEqual(await model.infer([documents[3] as string], { epochs: 60, lr: 0.05 }), [vectors[3]])
    const other = await model.infer([documents[3] as string], { epochs: 60, lr: 0.05, seed: 9 })
    t.notDeepEqual(other, [vectors[3]])
    const directory = fresh('model')
    await model.save(directory)
    await using loaded = await Doc2Vec.load(directory)
    t.deepEqual(await loaded.infer([documents[3] as string], { epochs: 60, lr: 0.05 }), [
      vectors[3],
    ])
    t.deepEqual(
      await loaded.nearest(documents[5] as string),
      await model.nearest(documents[5] as string),
    )
    await using again = new Doc2Vec({ ...options, ...own })
    await again.fit(documents, fit)
    t.deepEqual((await again.vectors()).get('7'), all.get('7'))
  })

test('words that are not known say nothing; what is wrong is named', async (t) => {
  await using model = new Doc2Vec(options)
  await t.throwsAsync(model.infer(['a']), { code: 'ERR_UNINITIALIZED' })
  await model.fit(documents, { epochs: 1 })
  const [none, unknown] = await model.infer(['', 'zzz yyy'])
  t.deepEqual(unknown, none)
  t.deepEqual(await model.infer([]), [])
  await t.throwsAsync(model.infer('a' as never), { message: /documents: expected/ })
  await t.throwsAsync(model.infer(['a'], { epochs: 0 }), { message: /epochs: expected/ })
  await t.throwsAsync(model.nearest('a', null as never), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(model.nearest(3 as never), { message: /to: expected/ })
  const signal = AbortSignal.abort()
  await t.throwsAsync(model.infer(['a'], { signal }), { code: 'ERR_ABORTED' })
  t.throws(() => new Doc2Vec({ algorithm: 'x' as never }), { code: 'ERR_ARGUMENT' })
})
