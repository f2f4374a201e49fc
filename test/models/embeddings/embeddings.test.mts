import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import {
  Embeddings,
  io,
  type EmbeddingEvent,
  type EmbeddingOptions,
  type TextSource,
} from 'rnnative'
import { fresh, topics } from './support.mjs'

const lines = topics(1500)
const options: EmbeddingOptions = { dim: 12, sample: 0, minCount: 1, seed: 3 }
const fit = { epochs: 3, lr: 0.1, threads: 1 }

async function made(own: EmbeddingOptions = {}, text: TextSource = lines) {
  const model = new Embeddings({ ...options, buckets: 500, ...own })
  await model.fit(text, fit)
  return model
}

const numbers = async (model: Embeddings) => {
  const vectors = await model.vectors()
  return [...vectors.words()].map((word) => [word, ...(vectors.get(word) as Float32Array)])
}

for (const own of [
  { model: 'skipgram' },
  { model: 'cbow' },
  { model: 'fasttext', lr: 0.1 },
  { model: 'item2vec' },
  { model: 'skipgram', loss: 'hierarchical' },
  { model: 'cbow', loss: 'hierarchical', minPart: 2, maxPart: 3 },
] as const)
  test(`${Object.values(own).join(', ')}: words of a topic are near each other`, async (t) => {
    const { ...given } = own as EmbeddingOptions & { lr?: number }
    delete given.lr
    await using model = await made(given)
    for (const [word, topic] of [
      ['whale', ['ship', 'wave', 'sail']],
      ['shop', ['street', 'house', 'coach']],
    ] as const) {
      const near = await model.nearest(word, { count: 3, exclude: ['the', 'a', 'and', 'of'] })
      t.deepEqual(near.map((one) => one.word).sort(), [...topic].sort())
    }
    t.true((await model.similarity('whale', 'ship')) > (await model.similarity('whale', 'shop')))
    const directory = fresh('model')
    await model.save(directory)
    await using loaded = await Embeddings.load(directory)
    t.deepEqual(loaded.options, model.options)
    t.deepEqual(await numbers(loaded), await numbers(model))
    t.deepEqual(await loaded.vector('whales'), await model.vector('whales'))
    await using again = await made(given)
    t.deepEqual(await numbers(again), await numbers(model))
  })

test('all sources of one text give the same bits: lines, a text, words, a file, packed', async (t) => {
  await using model = await made()
  const expected = await numbers(model)
  const [plain, packed] = [fresh('text.txt'), fresh('text.gz')]
  const text = `${lines.join('  \r\n')}\n`
  writeFileSync(plain, text)
  writeFileSync(packed, gzipSync(text))
  const sources: TextSource[] = [
    text,
    lines.map((line) => line.split(' ')),
    (async function* () {
      yield* lines
    })(),
    { file: plain },
    { file: packed },
  ]
  for (const source of sources) {
    await using other = await made({}, source)
    t.deepEqual(await numbers(other), expected)
  }
  await using other = await made({ seed: 4 })
  t.notDeepEqual(await numbers(other), expected)
})

test('a line that is longer than what is read at a time is one text', async (t) => {
  const words = lines.join(' ').split(' ')
  const long = Array.from({ length: 30 }, () => words).flat()
  const path = fresh('long.txt')
  writeFileSync(path, long.join(' '))
  await using file = await made({ dim: 4 }, { file: path })
  await using list = await made({ dim: 4 }, [long])
  t.deepEqual(await numbers(file), await numbers(list))
  t.is(
    file.counts.reduce((a, b) => a + b, 0),
    long.length,
  )
})

test('words by their counts; rare ones are left out', async (t) => {
  await using model = await made({ minCount: 2 }, 'b a c a b a\n\nd b c')
  t.deepEqual(model.words, ['b', 'a', 'c'])
  t.deepEqual([...model.counts], [3, 3, 2])
  t.is(await model.vector('d'), undefined)
})

test('words that were never seen are known by their parts', async (t) => {
  await using model = await made({ model: 'fasttext', buckets: 2 ** 28 })
  t.true((await model.nearest('whaling', { count: 4 })).some(({ word }) => word === 'whale'))
  t.is(await model.vector('qqq'), undefined)
  await using plain = await made()
  await t.throwsAsync(plain.nearest('whaling'), { code: 'ERR_ARGUMENT', message: /"whaling"/ })
})

test('a file of fastText holds the same vectors, of unseen words too', async (t) => {
  for (const own of [{ model: 'fasttext', minPart: 2, maxPart: 4 }, { model: 'cbow' }] as const) {
    await using model = await made(own)
    const path = fresh('model.bin')
    await model.saveFastText(path)
    const read = await io.readVectors(path)
    t.deepEqual([...read.words()], [...model.words])
    for (const word of model.words) t.deepEqual(read.get(word), await model.vector(word))
    const unseen = await io.readVectors(path, { words: ['whales'] })
    t.deepEqual(unseen.get('whales'), await model.vector('whales'))
  }
})

test('events tell how far it is, and the event loop stays free', async (t) => {
  const model = new Embeddings(options)
  const many = Array.from({ length: 40 }, () => lines).flat()
  const events: EmbeddingEvent[] = []
  let ticks = 0
  const timer = setInterval(() => ++ticks, 5)
  const run = model.fit(many, { epochs: 2, threads: 1 })
  for await (const event of run) events.push(event)
  clearInterval(timer)
  const result = await run
  t.is(result.stopped, 'finished')
  t.is(result.words, 2 * 10 * many.length)
  t.is(events.at(-1)?.progress, 1)
  t.true((events.at(-1)?.loss as number) < (events[0]?.loss as number))
  t.true((events.at(-1)?.learningRate as number) < (events[0]?.learningRate as number))
  t.true(ticks > 3)
  await model.dispose()
})

test('a run that is aborted ends with what it has; a second one is refused meanwhile', async (t) => {
  const model = new Embeddings(options)
  const many = Array.from({ length: 40 }, () => lines).flat()
  const run = model.fit(many, { epochs: 1000 })
  await t.throwsAsync(model.fit(lines).then(), { code: 'ERR_BUSY' })
  for await (const { progress } of run) if (progress > 0) break
  t.is((await run).stopped, 'aborted')
  t.is(typeof (await model.similarity('whale', 'ship')), 'number')
  const controller = new AbortController()
  const second = model.fit(many, { epochs: 1000, signal: controller.signal })
  setTimeout(() => controller.abort(), 50)
  await t.throwsAsync(second.then(), { code: 'ERR_ABORTED' })
  const stuck = model.fit(many, { epochs: 1000 })
  await model.dispose()
  t.is((await stuck).stopped, 'aborted')
  await t.throwsAsync(model.vectors(), { code: 'ERR_DISPOSED' })
})

test('two threads learn the same topics', async (t) => {
  await using model = new Embeddings(options)
  await model.fit(lines, { ...fit, threads: 2 })
  t.true((await model.similarity('whale', 'ship')) > (await model.similarity('whale', 'shop')))
})

test('what is wrong is named', async (t) => {
  for (const [given, message] of [
    [{ dim: 0 }, /dim: expected a whole number from 1/],
    [{ model: 'glove' }, /model: expected one of skipgram, cbow, fasttext, item2vec/],
    [{ negative: 65 }, /negative: expected a whole number from 1 to 64/],
    [{ minPart: 3 }, /minPart, maxPart: expected both above 0/],
    [{ size: 3 }, /size: is no option here/],
  ] as const)
    t.throws(() => new Embeddings(given as EmbeddingOptions), { code: 'ERR_ARGUMENT', message })
  const model = new Embeddings(options)
  await t.throwsAsync(model.vectors(), { code: 'ERR_UNINITIALIZED' })
  const refused = async (text: unknown, message: RegExp, code: string, more = {}) => {
    await t.throwsAsync(model.fit(text as TextSource, more).then(), { code, message })
  }
  await refused('', /expected a word that occurs at least 1/, 'ERR_EMPTY')
  await refused(3, /text: expected/, 'ERR_ARGUMENT')
  await refused(['a', 3], /text\[1\]: expected/, 'ERR_ARGUMENT')
  await refused({ file: fresh('none') }, /no such file/, 'ERR_IO')
  await refused('a b', /epochs: expected/, 'ERR_ARGUMENT', { epochs: 0 })
  await refused('a b', /lr: expected/, 'ERR_ARGUMENT', { lr: 0 })
  const path = fresh('bad.txt')
  writeFileSync(path, Buffer.from([0x61, 0xff, 0x62]))
  await refused({ file: path }, /bad.txt/, 'ERR_FORMAT')
})

test('a saved model that was changed is refused', async (t) => {
  await using model = await made({ model: 'fasttext' })
  const directory = fresh('model')
  await model.save(directory)
  const vocabulary = join(directory, 'vocabulary.json')
  const good = readFileSync(vocabulary, 'utf8')
  t.true(existsSync(join(directory, 'model.safetensors')))
  for (const bad of ['{}', '{"words":["a"],"counts":[1,2]}', '{"words":["a"],"counts":[1]}']) {
    writeFileSync(vocabulary, bad)
    await t.throwsAsync(Embeddings.load(directory), { code: 'ERR_FORMAT' }, bad)
  }
  writeFileSync(vocabulary, good)
  const file = join(directory, 'model.safetensors')
  const { tensors } = await io.readSafetensors(file)
  tensors.set('buckets', { shape: [1], data: Int32Array.of(1e6) })
  await io.writeSafetensors(file, tensors)
  await t.throwsAsync(Embeddings.load(directory), { code: 'ERR_FORMAT', message: /buckets/ })
})
