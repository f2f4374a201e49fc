import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { readPairs, Tokenizer, type Pair } from 'rnnative'
import {
  encodeSource,
  IGNORED,
  padPairs,
  PairBatches,
  PairSet,
  type PairOptions,
  type Sequences,
  type SourceBatch,
} from '#dist/data/index.js'
import { digest } from '#dist/data/ids.js'

const letters = Tokenizer.characters('abcdefgh') // <unk> 0, a 1, ... h 8
const target = letters.withBoundaries() // <s> 9, </s> 10
const idsOf = (source: SourceBatch): Int32Array => (source as Sequences).ids
const encode = async (...given: Parameters<typeof encodeSource>) =>
  (await encodeSource(...given)) as Int32Array
const options: PairOptions = { source: letters, target }

const corpus = fc
  .array(fc.tuple(fc.string({ unit: fc.constantFrom(...'abcdefgh'), maxLength: 12 }), fc.nat(12)), {
    minLength: 1,
    maxLength: 60,
  })
  .map((all) => all.map(([source, length]): Pair => [source, 'hgfedcbahgfed'.slice(0, length)]))

test('a batch holds sources, decoder inputs and outputs, time-major', async (t) => {
  const pairs: Pair[] = [
    ['ab', 'cde'],
    ['', 'f'],
    ['gha', ''],
  ]
  const set = await PairSet.encode(pairs, options)
  const { rows, source, target, outputs, tokens } = set.assemble([2, 0, 1])
  t.is(rows, 3)
  t.deepEqual([...source.lengths], [3, 2, 0])
  t.deepEqual([...idsOf(source)], [7, 1, 0, 8, 2, 0, 1, 0, 0])
  t.deepEqual([...target.lengths], [1, 4, 2])
  t.deepEqual([...target.ids], [9, 9, 9, 0, 3, 6, 0, 4, 0, 0, 5, 0])
  const none = IGNORED
  t.deepEqual([...outputs], [10, 3, 6, none, 4, 10, none, 5, none, none, 10, none])
  t.is(tokens, 5 + 7)
  t.is(set.targetLength(0), 4)
})

test('a padded batch holds the same pairs, then rows of no length', async (t) => {
  const set = await PairSet.encode([['ab', 'cde'] as const, ['', 'f'] as const], options)
  const { rows, source, target, outputs, tokens } = padPairs(set.assemble([0, 1]), {
    ...{ rows: 3, source: 4, target: 5 },
  })
  const byRow = (ids: Int32Array) =>
    Array.from({ length: rows }, (_, row) => [...ids].filter((_, i) => i % rows === row))
  t.is(rows, 3)
  t.is(tokens, 2 + 4 + 2)
  t.deepEqual([source.steps, target.steps], [4, 5])
  t.deepEqual([...source.lengths, ...target.lengths], [2, 0, 0, 4, 2, 0])
  t.deepEqual(byRow(idsOf(source)), [
    [1, 2, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ])
  t.deepEqual(byRow(target.ids), [
    [9, 3, 4, 5, 0],
    [9, 6, 0, 0, 0],
    [0, 0, 0, 0, 0],
  ])
  const none = IGNORED
  t.deepEqual(byRow(outputs), [
    [3, 4, 5, 10, none],
    [6, 10, none, none, none],
    [none, none, none, none, none],
  ])
})

test('pairs of any length lie in parts', async (t) => {
  const bytes = Tokenizer.bytes()
  const options = { source: bytes, target: bytes.withBoundaries() }
  const text = (letter: string, length: number) => letter.repeat(length)
  const lengths = [700_000, 300_000, 5, 1_500_000, 2]
  const pairs = lengths.map((length, i): [string, string] => [text('abcde'.charAt(i), length), 'x'])
  const set = await PairSet.encode(pairs, options)
  t.deepEqual(
    lengths.map((_, i) => set.sourceLength(i)),
    lengths,
  )
  for (const [i, length] of lengths.entries()) {
    const ids = idsOf(set.assemble([i]).source)
    t.true(ids.length === length && ids.every((id) => id === 97 + i), `pair ${i}`)
  }
  const ids = Int32Array.from(
    lengths.flatMap((length, i) => new Array<number>(length).fill(97 + i)),
  )
  const ends = Float64Array.of(700_000, 1_000_000, 1_000_005, 2_500_005, 2_500_007)
  const targets = [Int32Array.of(120, 120, 120, 120, 120), Float64Array.of(1, 2, 3, 4, 5)]
  t.is(await set.digest(), await digest([ids, ends, ...targets]))
})

test('sources are reversed before their end', async (t) => {
  const reverseSource = true
  t.deepEqual([...(await encode('abc', { source: letters }))], [1, 2, 3])
  t.deepEqual([...(await encode('abc', { source: letters, reverseSource }))], [3, 2, 1])
  t.deepEqual([...(await encode('abc', { source: target, reverseSource }))], [3, 2, 1, 10])
})

test('a sequence may be very long', async (t) => {
  const set = await PairSet.encode([['a'.repeat(300_000), 'b'.repeat(300_000)]], {
    source: target,
    target,
  })
  const { source, outputs } = set.assemble([0])
  t.deepEqual([source.steps, idsOf(source).at(-1), outputs.at(-1)], [300_001, 10, 10])
})

test('the first or each of several references is learned', async (t) => {
  async function* pairs(): AsyncGenerator<Pair> {
    yield await Promise.resolve<Pair>(['a', ['b', 'cc']])
    yield ['d', 'e']
  }
  const targets = (set: PairSet) =>
    Array.from({ length: set.length }, (_, i) => set.targetLength(i) - 1)
  t.deepEqual(targets(await PairSet.encode(pairs(), options)), [1, 1])
  t.deepEqual(targets(await PairSet.encode(pairs(), { ...options, references: 'each' })), [1, 2, 1])
  const short = await PairSet.encode(pairs(), { ...options, references: 'each', maxLength: 1 })
  t.is(short.length, 2)
  t.is(short.dropped, 1)
})

test('a pass holds every pair once, in batches of nearly equal tokens', async (t) => {
  await fc.assert(
    fc.asyncProperty(corpus, fc.integer({ min: 1, max: 200 }), async (pairs, batchTokens) => {
      const set = await PairSet.encode(pairs, options)
      const batches = new PairBatches(set, { batchTokens, seed: 3 })
      const tokensOf = (i: number) => set.sourceLength(i) + set.targetLength(i)
      const total = pairs.reduce((sum, _, i) => sum + tokensOf(i), 0)
      t.is(batches.count, Math.min(pairs.length, Math.ceil(total / batchTokens)))
      for (const pass of [0, 1]) {
        const seen: number[] = []
        for (let index = 0; index < batches.count; ++index) {
          const indices = [...batches.indices(pass, index)]
          seen.push(...indices)
          const { rows, tokens } = batches.batch(pass, index)
          t.is(rows, indices.length)
          t.true(rows > 0)
          t.is(
            tokens,
            indices.reduce((sum, i) => sum + tokensOf(i), 0),
          )
          const longest = Math.max(...indices.map(tokensOf))
          t.true(tokens < total / batches.count + longest)
        }
        t.deepEqual(
          seen.sort((a, b) => a - b),
          pairs.map((_, i) => i),
        )
      }
      t.throws(() => batches.indices(0, batches.count), { code: 'ERR_INDEX' })
    }),
    { numRuns: 60 },
  )
})

test('seed, pass and index alone say what a batch is; passes and seeds differ', async (t) => {
  const pairs = Array.from({ length: 300 }, (_, i): Pair => [
    'abcdefgh'.slice(i % 7),
    'abcdefgh'.slice(i % 5),
  ])
  const set = await PairSet.encode(pairs, options)
  const make = (seed: number) => new PairBatches(set, { batchTokens: 100, seed })
  const order = (batches: PairBatches, pass: number) =>
    Array.from({ length: batches.count }, (_, i) => [...batches.indices(pass, i)])
  const first = order(make(1), 0)
  const second = order(make(1), 1)
  const resumed = make(1)
  t.deepEqual([...resumed.indices(1, 4)], second[4])
  t.deepEqual([...resumed.indices(0, 2)], first[2])
  t.notDeepEqual(first, second)
  t.notDeepEqual(first, order(make(2), 0))
  // Not only is the order of batches another, so is what they hold.
  const contents = (all: number[][]) => new Set(all.map((one) => one.sort((a, b) => a - b).join()))
  const before = contents(first)
  t.true([...contents(second)].filter((one) => before.has(one)).length < before.size / 2)
})

test('batches hold pairs of similar lengths', async (t) => {
  const random = (i: number, m: number) => ((i * 2654435761) >>> 8) % m
  const pairs = Array.from({ length: 4000 }, (_, i): Pair => {
    const length = 5 + random(i, 30)
    return ['a'.repeat(length), 'b'.repeat(Math.max(1, length - 3 + random(i + 7, 7)))]
  })
  const set = await PairSet.encode(pairs, options)
  const batches = new PairBatches(set, { batchTokens: 1000, seed: 1 })
  let [real, padded] = [0, 0]
  for (let i = 0; i < batches.count; ++i) {
    const { tokens, rows, source, target } = batches.batch(0, i)
    real += tokens
    padded += rows * (source.steps + target.steps)
  }
  t.true(real / padded > 0.85, `${real / padded}`)
})

test('files are paired line by line; tabs separate references', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }
  const source = file('source', 'abandon\r\nread\n\nlast')
  const zipped = file('target.gz', gzipSync('AH\nR EH D\tR IY D\n\nL\u2028\n'))
  t.deepEqual(await readPairs(source, zipped), [
    ['abandon', 'AH'],
    ['read', ['R EH D', 'R IY D']],
    ['', ''],
    ['last', 'L\u2028'],
  ])
  const short = file('short', 'one\ntwo\n')
  await t.throwsAsync(readPairs(source, short), { code: 'ERR_FORMAT', message: /4 lines.*got 2/ })
  await t.throwsAsync(readPairs(source, join(directory, 'none')), { code: 'ERR_IO' })
  const tab = file('tab', 'one\ntwo\t\nx\ty\n\n')
  await t.throwsAsync(readPairs(source, tab), { code: 'ERR_FORMAT', message: /tab: line 2: a tab/ })
})

test('what is no pair is refused', async (t) => {
  const encode = (pairs: unknown, more: object = {}) =>
    PairSet.encode(pairs as Pair[], { ...options, ...more })
  for (const bad of [['a'], ['a', 5], [5, 'a'], ['a', []], ['a', ['b', 5]], 'ab', null])
    await t.throwsAsync(encode([bad]), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(encode([]), { code: 'ERR_EMPTY' })
  await t.throwsAsync(encode([['aa', 'b']], { maxLength: 1 }), { code: 'ERR_EMPTY' })
  await t.throwsAsync(encode([['a', 'b']], { maxLength: 0 }), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(encode([['a', 'b']], { references: 'all' }), { code: 'ERR_ARGUMENT' })
  await t.throwsAsync(encode([['a', 'b']], { target: letters }), { code: 'ERR_ARGUMENT' })
  const set = await encode([['a', 'b']])
  for (const batchTokens of [0, NaN, Infinity])
    t.throws(() => new PairBatches(set, { batchTokens, seed: 1 }), { code: 'ERR_ARGUMENT' })
  t.is(await set.digest(), await (await encode([['a', 'b']])).digest())
  const digests = [
    [['ab', '']],
    [['', 'ab']],
    [
      ['a', 'bc'],
      ['d', ''],
    ],
    [
      ['a', 'b'],
      ['d', 'c'],
    ],
  ].map(async (pairs) => (await encode(pairs)).digest())
  t.is(new Set(await Promise.all(digests)).size, 4)
})
