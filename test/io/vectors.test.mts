import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { io } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, content: string | Buffer): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer)
const ints = (...values: number[]) => Buffer.from(Int32Array.from(values).buffer)
const longs = (...values: number[]) => Buffer.from(BigInt64Array.from(values, BigInt).buffer)

const byWord = async (path: string, words?: string[]) => {
  const vectors = await io.readVectors(path, { words })
  const all = [...vectors.words()].map((word) => [word, [...(vectors.get(word) ?? [])]] as const)
  return Object.fromEntries(all)
}

const both = { the: [0.5, 1, -0.25], 'New York': [1, 2, 3] }

test('text of GloVe, which has no head, and of word2vec and fastText, which has one', async (t) => {
  const text = 'the 0.5 1 -2.5e-1\nNew York 1 2 3'
  t.deepEqual(await byWord(file('glove.txt', text)), both)
  t.deepEqual(await byWord(file('words.vec', `2 3\n${text.replace('\n', ' \n')}\n\n`)), both)
  t.deepEqual(await byWord(file('words.vec.gz', gzipSync(`2 3\n${text}`))), both)
  t.deepEqual(await byWord(file('glove.txt', text), ['the', 'THE', 'none']), { the: both.the })
})

test('binary files of word2vec, with and without ends of lines', async (t) => {
  for (const end of ['', '\n']) {
    const rows = Object.entries({ the: both.the, cat: [1, 2, 3] }).flatMap(([word, vector]) => [
      Buffer.from(`${word} `),
      floats(...vector),
      Buffer.from(end),
    ])
    const path = file('words.bin', Buffer.concat([Buffer.from('2 3\n'), ...rows]))
    t.deepEqual(await byWord(path), { the: both.the, cat: [1, 2, 3] })
  }
})

/** As of fastText 0.9: two words, a label, three buckets of parts of three letters. */
function fastText({ most = 3, quantised = 0 } = {}): Buffer {
  const settings = [2, 5, 1, 1, 5, 1, 1, 2, 3, 3, most, 100]
  const entry = (word: string, type: number) => [
    Buffer.from(`${word}\0`),
    longs(7),
    Buffer.from([type]),
  ]
  return Buffer.concat([
    ints(793712314, 12, ...settings),
    Buffer.alloc(8),
    ints(3, 2, 1),
    longs(20, -1),
    ...[...entry('ab', 0), ...entry('</s>', 0), ...entry('__label__x', 1)],
    Buffer.from([quantised]),
    longs(5, 2),
    floats(...[1, 2], ...[3, 4], ...[10, 0], ...[20, 0], ...[40, 0]),
  ])
}

/** FNV-1a, as published. */
const bucketOf = (part: string): number => {
  let hash = 2166136261n
  for (const byte of Buffer.from(part)) hash = ((hash ^ BigInt(byte)) * 16777619n) % 2n ** 32n
  return Number(hash % 3n)
}

test('models of fastText: words are the means of themselves and their parts', async (t) => {
  const rows = [10, 20, 40]
  const parts = ['<ab', 'ab>'].map((part) => rows[bucketOf(part)] as number)
  const mean = (parts[0] as number) + (parts[1] as number) + 1
  const path = file('model.bin', fastText())
  const seen = await byWord(path)
  t.deepEqual(seen['</s>'], [3, 4])
  t.deepEqual(seen['ab'], [Math.fround(mean / 3), Math.fround(2 / 3)])
  t.deepEqual(await byWord(path, ['b']), { b: [rows[bucketOf('<b>')], 0] })
  const whole = file('whole.bin', fastText({ most: 0 }))
  t.deepEqual(await byWord(whole), { ab: [1, 2], '</s>': [3, 4] })
  t.deepEqual(await byWord(whole, ['b']), {})
})

test('what is none is refused with its place', async (t) => {
  const refused = (name: string, content: string | Buffer, message: RegExp, code = 'ERR_FORMAT') =>
    t.throwsAsync(io.readVectors(file(name, content)), { code, message }, name)
  await refused('a', 'the 1 2\ncat 1\n', /a: line 2: expected a word and 2 numbers/)
  await refused('b', '2 2\nthe 1 2\ncat 1 x\n', /line 3: expected 2 finite numbers/)
  await refused('c', Buffer.concat([Buffer.from('2 2\nthe '), floats(1, 2.5)]), /word 2 of 2/)
  await refused('j', '1 2\nthe 1 x\n', /j: line 2: expected 2 finite numbers/)
  await refused('k', '1 3\nthe 1 NaN Infinity\n', /k: line 2: expected 3 finite numbers/)
  await refused('l', 'the 1 1e999\n', /l: line 1: expected 2 finite numbers/)
  await refused('m', '1 3\nthe 1  2 3\n', /m: line 2: expected 3 finite numbers, a space before/)
  await refused('n', '3 2\nthe 1 2\ncat 1 2\n\n', /n: expected 3 words, as line 1 has it, got 2/)
  const bad = Buffer.concat([Buffer.from('1 2\nthe '), floats(1, NaN)])
  await refused('o', bad, /o: word 1 of 1: expected 2 finite numbers/)
  await refused('d', '\n', /expected vectors/)
  await refused('e', '', /none/)
  await refused('i', 'the\n', /line 1/)
  await refused('f', gzipSync('the 1 2\n').subarray(0, 20), /gzip/)
  const infinite = Buffer.concat([fastText().subarray(0, -4), floats(Infinity)])
  await refused('p', infinite, /p: ".*": expected 2 finite numbers/)
  await refused('g', fastText().subarray(0, -4), /ends too early/)
  await refused('h', fastText({ quantised: 1 }), /quantised/, 'ERR_UNSUPPORTED')
  await t.throwsAsync(io.readVectors(join(directory, 'none')), { code: 'ERR_IO' })
  const wrong = { code: 'ERR_ARGUMENT', message: /words/ }
  await t.throwsAsync(io.readVectors('a', { words: 'the' }), wrong)
})

/**
 * test/golden/fasttext.bin and .vec are of fastText 0.9.2: `fasttext skipgram -dim 16 -bucket 200 -minn 3 -maxn 4 -minCount
 * 1 -thread 1 -epoch 3 -lr 0.0001` of 200 lines; the words below as `print-word-vectors` has them.
 */
test("fastText's own model: the vectors that it writes, and those of words that it never saw", async (t) => {
  const near = (a: Iterable<number> | undefined, b: Iterable<number> | undefined) => {
    const [x, y] = [[...(a ?? [])], [...(b ?? [])]]
    t.is(x.length, 16)
    t.true(
      x.every((value, i) => Math.abs(value - (y[i] as number)) < 1e-5),
      `${x} ${y}`,
    )
  }
  const written = await io.readVectors('test/golden/fasttext.vec')
  const model = await io.readVectors('test/golden/fasttext.bin')
  t.deepEqual([...model.words()], [...written.words()])
  for (const word of written.words()) near(model.get(word), written.get(word))
  const unseen = await io.readVectors('test/golden/fasttext.bin', { words: ['whales', '海'] })
  near(
    unseen.get('whales'),
    [
      -1.6188e-9, 7.5243e-10, -1.823e-9, -2.0443e-10, 6.5265e-12, -8.5211e-10, -8.0289e-10,
      -1.17e-9, 1.6344e-9, 1.4508e-9, 3.669e-10, 6.5911e-10, -9.5728e-10, 3.1954e-10, -1.2863e-9,
      -5.6783e-10,
    ],
  )
  near(unseen.get('海'), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
})
