import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { optim, SequenceTagger, type SequenceTaggerOptions } from 'rnnative'
import { Draw } from '../../support/host.mjs'

const NAMES = ['Anna', 'Bob', 'Carla', 'Dmitri']
const PLACES = ['Paris', 'Rome', 'New York', 'Oslo']
const VERBS = ['visits', 'likes', 'leaves']

/** `Anna Smith visits New York today .` with its entities. */
function makeSentences(count: number, seed = 1) {
  const draw = new Draw(seed)
  const pick = <T,>(values: readonly T[]): T => values[draw.below(values.length)] as T
  return Array.from({ length: count }, () => {
    const [words, tags]: [string[], string[]] = [[], []]
    const add = (text: string, type: string | null) =>
      text.split(' ').forEach((word, i) => {
        words.push(word)
        tags.push(type === null ? 'O' : `${i === 0 ? 'B' : 'I'}-${type}`)
      })
    add(pick(NAMES) + (draw.below(2) ? ' Smith' : ''), 'person')
    add(pick(VERBS), null)
    add(pick(PLACES), 'place')
    if (draw.below(2)) add('today', null)
    add('.', null)
    return { words, tags }
  })
}

const sentences = makeSentences(60)
const vocabulary = SequenceTagger.vocabulary(sentences)
const make = (options: Partial<SequenceTaggerOptions> = {}) =>
  new SequenceTagger({
    ...{ vocabulary, hidden: 12, embedding: 10, seed: 3 },
    ...(options.characters !== 'none' && { letterEmbedding: 4, letterHidden: 4 }),
    ...options,
  })
const fitOptions = () => ({ batch: 8, epochs: 6, optimizer: optim.adam({ lr: 0.02 }) })

async function weightsOf(tagger: SequenceTagger): Promise<number[][]> {
  const all = tagger.network.parameters().map(async (one) => [...(await one.data())])
  return Promise.all(all)
}

const kinds: Partial<SequenceTaggerOptions>[] = [
  { characters: 'lstm', projection: 9 },
  { characters: 'conv', cell: 'gru', layers: 2 },
  { characters: 'none', shapes: false, crf: false },
]
for (const options of kinds)
  test(`learns: ${JSON.stringify(options)}`, async (t) => {
    await using tagger = make(options)
    const before = await tagger.evaluate(sentences)
    const figures: number[] = []
    const run = tagger.fit(sentences, { ...fitOptions(), validation: makeSentences(20, 2) })
    for await (const { validation } of run) if (validation) figures.push(validation.loss)
    t.is(figures.length, 6)
    const after = await tagger.evaluate(sentences)
    t.true(after.loss < before.loss / 2, `${before.loss} -> ${after.loss}`)
    t.true(after.f1 > 0.9 && after.accuracy > 0.9, `${after.f1}`)
    t.deepEqual(Object.keys(after.perType), ['person', 'place'])
    const [one] = await tagger.tag([['Bob', 'Smith', 'likes', 'Oslo', '.']])
    t.deepEqual(one!.tags, ['B-person', 'I-person', 'O', 'B-place', 'O'])
  })

test('entities of running text are where they stand in it', async (t) => {
  await using tagger = make()
  await tagger.fit(sentences, fitOptions())
  const texts = ['  Anna Smith visits New York.', '', 'today']
  const [first, ...others] = await tagger.tag(texts)
  t.deepEqual(first!.words, ['Anna', 'Smith', 'visits', 'New', 'York', '.'])
  t.deepEqual(
    first!.entities.map(({ type, start, end, text }) => [type, text, texts[0]!.slice(start, end)]),
    [
      ['person', 'Anna Smith', 'Anna Smith'],
      ['place', 'New York', 'New York'],
    ],
  )
  t.true(first!.entities.every(({ probability }) => probability > 0.5 && probability <= 1))
  t.deepEqual(others[0], { words: [], tags: [], entities: [] })
  t.is(others[1]!.words.length, 1)

  const [best] = await tagger.nBest([texts[0]!], 3)
  t.is(best!.length, 3)
  t.deepEqual(best![0]!.tags, first!.tags)
  t.true(best![0]!.probability >= best![1]!.probability)
  const [shares] = await tagger.marginals([texts[0]!])
  const width = tagger.tags.length
  t.is(shares!.probabilities.length, 6 * width)
  for (let word = 0; word < 6; ++word) {
    const sum = shares!.probabilities
      .slice(word * width, (word + 1) * width)
      .reduce((a, b) => a + b)
    t.true(Math.abs(sum - 1) < 1e-9)
  }
})

test('what a scheme forbids is never found, of untrained taggers neither; nobody disturbs others', async (t) => {
  for (const crf of [true, false]) {
    await using tagger = make({ crf })
    const draw = new Draw(5)
    const given = Array.from({ length: 40 }, () =>
      Array.from({ length: draw.below(12) }, () => String.fromCodePoint(60 + draw.below(900))),
    )
    const all = await tagger.nBest(given, 4)
    for (const [i, some] of all.entries())
      for (const { tags, probability } of some) {
        t.is(tags.length, given[i]!.length)
        t.true(probability > 0 && probability <= 1)
        let before = 'O'
        for (const tag of tags) {
          t.true(!tag.startsWith('I-') || before.slice(2) === tag.slice(2), tags.join(' '))
          before = tag
        }
      }
    const alone = await tagger.tag([given[7]!])
    t.deepEqual(alone[0]!.tags, all[7]![0]!.tags)
  }
})

test('a sentence of thousands of words has a finite loss', async (t) => {
  await using tagger = make()
  const words = sentences.flatMap((one) => one.words)
  const long = Array.from({ length: 12 }, () => words).flat()
  const tags = Array.from(long, (_, i) => (i % 2 ? 'B-person' : 'B-place'))
  const { loss } = await tagger.evaluate([{ words: long, tags }])
  t.true(long.length > 3000 && loss > 1 && Number.isFinite(loss), `${loss}`)
})

test('parts of speech, and characters', async (t) => {
  const data = [
    { words: ['我', '爱', '北', '京'], tags: ['P', 'V', 'L', 'L'] },
    { words: ['他', '爱', '她'], tags: ['P', 'V', 'P'] },
  ]
  const vocabulary = SequenceTagger.vocabulary(data, { scheme: 'none' })
  t.is(vocabulary.unit, 'character')
  await using tagger = make({ vocabulary })
  await tagger.fit(data, { epochs: 60, rareWords: 0, optimizer: optim.adam({ lr: 0.02 }) })
  const [one] = await tagger.tag(['他爱北京'])
  t.deepEqual(one, { words: ['他', '爱', '北', '京'], tags: ['P', 'V', 'L', 'L'], entities: [] })
  t.is((await tagger.evaluate(data)).accuracy, 1)
})

test('saved and loaded it does the same; resumed equals uninterrupted bit for bit', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
  const options = { ...fitOptions(), validation: sentences.slice(0, 9), maxSteps: 13 }
  await using whole = make({ dropout: 0.2 })
  await whole.fit(sentences, options)
  const checkpoint = join(directory, 'run')
  {
    await using first = make({ dropout: 0.2 })
    await first.fit(sentences, { ...options, checkpoint, maxSteps: 6 })
  }
  await using second = make({ dropout: 0.2, seed: 9 })
  await second.fit(sentences, { ...options, checkpoint, resume: true })
  t.deepEqual(await weightsOf(second), await weightsOf(whole))

  await whole.save(join(directory, 'model'))
  await using loaded = await SequenceTagger.load(join(directory, 'model'))
  t.deepEqual(await loaded.evaluate(sentences), await whole.evaluate(sentences))
  t.deepEqual(await loaded.tag(['Bob visits Rome']), await whole.tag(['Bob visits Rome']))
})

test('bad options and sentences are named', async (t) => {
  const bad = (options: object, message: RegExp) =>
    t.throws(() => make(options), { code: 'ERR_ARGUMENT', message })
  bad({ characters: 'cnn' }, /\[sequence tagger\] characters: /)
  bad({ letterHidden: 0 }, /letterHidden: /)
  bad({ crf: 1 }, /crf: /)
  bad({ vocabulary: {} }, /vocabulary: /)
  bad({ vocabulary: { ...vocabulary, scheme: 'x' } }, /vocabulary: /)
  const empty = [{ words: ['a'], tags: ['O'] }]
  t.throws(() => SequenceTagger.vocabulary(empty), { code: 'ERR_EMPTY' })
  t.throws(() => SequenceTagger.vocabulary([{ words: ['a'], tags: [] }]), {
    message: /^\[vocabulary\] sentences\[0\]: /,
  })
  await using tagger = make()
  const other = [{ words: ['a'], tags: ['B-other'] }]
  await t.throwsAsync(Promise.resolve(tagger.fit(other)), {
    message: /^\[fit\] sentences\[0\]\.tags: expected tags of the vocabulary/,
  })
  await t.throwsAsync(Promise.resolve(tagger.fit(sentences, { rareWords: 1 })), {
    message: /rareWords/,
  })
  await t.throwsAsync(Promise.resolve(tagger.fit([])), { code: 'ERR_EMPTY' })
  await t.throwsAsync(tagger.evaluate(sentences, { mode: 'x' as 'strict' }), { message: /mode/ })
  await t.throwsAsync(tagger.nBest(['a'], 0), { message: /k: / })
  await t.throwsAsync(tagger.tag([1] as never), { code: 'ERR_ARGUMENT' })
})

test('begins with vectors, and knows words that only they have', async (t) => {
  const rows = new Map([
    ['Rome', [1, 2, 3]],
    ['rome', [4, 5, 6]],
    ['Madrid', [7, 8, 9]],
  ])
  const vectors = {
    size: 3,
    words: () => rows.keys(),
    get: (word: string) => rows.get(word),
  }
  const known = SequenceTagger.vocabulary(sentences, { vectors })
  t.deepEqual(known.words, [...vocabulary.words, 'madrid'])
  const given = { vocabulary: known, vectors, embedding: undefined }
  await using tagger = make(given)
  const values = await tagger.network.words.weight.data()
  const rowOf = (word: string) => {
    const at = 3 * (known.words.indexOf(word) + 1)
    return [...values.subarray(at, at + 3)]
  }
  t.deepEqual(rowOf('rome'), [4, 5, 6])
  t.deepEqual(rowOf('madrid'), [7, 8, 9])
  await tagger.fit(sentences, { ...fitOptions(), groups: [{ match: 'words', frozen: true }] })
  t.deepEqual(await tagger.network.words.weight.data(), values)
  t.throws(() => make({ ...given, embedding: 4 }), { message: /vectors: expected vectors of 4/ })
  const hostile = { size: 3, get: vectors.get } as unknown as typeof vectors
  t.throws(() => SequenceTagger.vocabulary(sentences, { vectors: hostile }), {
    message: /vectors\.words/,
  })
  for (const wrong of [
    [1],
    [1, NaN, 2],
    Float32Array.of(1, 2, Infinity),
    [1n, 2n, 3n],
    ['a', 1, 2],
  ])
    t.throws(() => make({ ...given, vectors: { ...vectors, get: () => wrong as number[] } }), {
      message: /vectors\.get\(\w+\): expected 3 finite numbers/,
    })
})
