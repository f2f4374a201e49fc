import test from 'ava'
import { data, type Feed } from 'rnnative'

interface Example {
  words: number[]
  label: number
}

const lengths = Array.from({ length: 50 }, (_, i) => 1 + ((i * 37) % 23))
const examples: Example[] = lengths.map((length, label) => ({
  words: Array.from({ length }, (_, t) => 100 * label + t),
  label,
}))

/** The labels of each batch of a pass. */
async function labelsOf(
  feed: Feed<{ label: { data: ArrayLike<number> } }>,
  pass = 0,
  first = 0,
): Promise<number[][]> {
  const all: number[][] = []
  for await (const { batch } of feed.pass(pass, first)) all.push(Array.from(batch.label.data))
  return all
}

const sorted = (batches: number[][]) => batches.flat().sort((a, b) => a - b)
const all = lengths.map((_, i) => i)

test('rows: full batches of similar lengths, each example once, and its words in its row', async (t) => {
  const feed = data.batches(examples, { rows: 8, pad: { words: -1 } })
  t.deepEqual([feed.count, feed.unit], [7, 'examples'])
  t.deepEqual(sorted(await labelsOf(feed)), all)
  let waste = 0
  for await (const { batch, rows, items, key } of feed.pass(0, 0)) {
    t.deepEqual([rows === 8 || rows === 2, items, key], [true, rows, null])
    const [steps, width] = batch.words.shape as [number, number]
    t.is(width, rows)
    t.is(steps, Math.max(...batch.lengths.data))
    batch.label.data.forEach((label, row) => {
      const length = lengths[label] as number
      t.is(batch.lengths.data[row], length)
      for (let step = 0; step < steps; ++step)
        t.is(batch.words.data[step * rows + row], step < length ? 100 * label + step : -1)
      waste += steps - length
    })
  }
  t.true(waste < 0.15 * lengths.reduce((sum, length) => sum + length, 0))
})

test('tokens: equal shares of all steps', async (t) => {
  const feed = data.batches(examples, { tokens: 100 })
  const total = lengths.reduce((sum, length) => sum + length, 0)
  t.deepEqual([feed.count, feed.unit], [Math.ceil(total / 100), 'tokens'])
  const batches = await labelsOf(feed)
  t.deepEqual(sorted(batches), all)
  const tokens = batches.map((labels) => labels.reduce((sum, i) => sum + (lengths[i] as number), 0))
  t.true(tokens.every((count) => count > 100 - 23 && count < 100 + 23))
})

test('seed, pass and place determine a batch', async (t) => {
  const feed = (seed?: number) => data.batches(examples, { rows: 8, ...(seed && { seed }) })
  const first = await labelsOf(feed())
  t.deepEqual(await labelsOf(feed()), first)
  t.deepEqual(await labelsOf(feed(), 0, 3), first.slice(3))
  for (const other of [await labelsOf(feed(), 1), await labelsOf(feed(7))]) {
    t.notDeepEqual(other, first)
    t.deepEqual(sorted(other), all)
  }
})

test('a source is read anew each pass, a part of it in memory at a time', async (t) => {
  let [held, most, given] = [0, 0, 0]
  const source = {
    async *[Symbol.asyncIterator]() {
      for (const example of examples) {
        await Promise.resolve()
        most = Math.max(most, ++held)
        ++given
        yield example
      }
    },
  }
  const feed = data.batches(source, {
    ...{ rows: 4, buffer: 12 },
    collate: (all, padding) => {
      held -= all.length
      return data.collate(all, padding)
    },
  })
  t.is(feed.count, null)
  const batches = await labelsOf(feed)
  t.deepEqual([batches.length, given, most], [13, 50, 12])
  t.deepEqual(sorted(batches), all)
  for (const [i, batch] of batches.entries())
    t.true(batch.every((label) => Math.floor(label / 12) === Math.floor(i / 3)))
  for (const first of [2, 3, 7, 12, 13])
    t.deepEqual(await labelsOf(feed, 0, first), batches.slice(first))
  t.notDeepEqual(await labelsOf(feed, 1), batches)
})

test('batches that are to repeat are of few shapes, and have a key from the second on', async (t) => {
  const feed = data.batches(examples, { rows: 10 })
  const keys = new Map<string, number>()
  let [without, repeated] = [0, 0]
  for (const pass of [0, 1, 2])
    for await (const { batch, key } of feed.pass(pass, 0, true)) {
      const shape = batch.words.shape.join()
      t.is((batch.words.shape[0] as number) % 8, 0)
      const seen = keys.get(shape) ?? 0
      keys.set(shape, seen + 1)
      if (key === null) ++without
      else ++repeated
    }
  t.is(keys.size, 3)
  t.is(without + repeated, 15)
  t.true(repeated >= 9)
})

test('fields: reals, lists of what goes nowhere, and a length of their own', async (t) => {
  const all = [
    { x: Float32Array.of(0.5, 1.5), name: 'a', y: 2 },
    { x: Float32Array.of(2.5), name: 'b', y: 3 },
  ]
  for await (const { batch } of data.batches(all, { length: ({ y }) => y }).pass(0, 0)) {
    t.deepEqual(batch.x.shape, [3, 2]) // as long as they say
    t.true(batch.x.data instanceof Float32Array)
    t.deepEqual([...batch.x.data].sort(), [0, 0, 0, 0.5, 1.5, 2.5])
    t.deepEqual([...batch.name].sort(), ['a', 'b'])
    t.deepEqual([...batch.y.data].sort(), [2, 3])
  }
  const { values, lengths } = data.pad([[1, 2, 3], [], [4]], { value: 9 })
  t.deepEqual(values, { shape: [3, 3], data: Int32Array.of(1, 9, 4, 2, 9, 9, 3, 9, 9) })
  t.deepEqual(lengths, { shape: [3], data: Int32Array.of(3, 0, 1) })
})

test('examples without a step, and one alone', async (t) => {
  const empty = [
    { words: [], label: 0 },
    { words: [], label: 1 },
  ] as Example[]
  for (const options of [{ rows: 1 }, { tokens: 4 }, { rows: 5 }])
    t.deepEqual(sorted(await labelsOf(data.batches(empty, options))), [0, 1])
  t.deepEqual(await labelsOf(data.batches(examples.slice(0, 1))), [[0]])
})

test('errors name what is wrong', async (t) => {
  const wrong: [RegExp, () => unknown][] = [
    [
      /^\[batches\] rows: .* none beside tokens/,
      () => data.batches(examples, { rows: 2, tokens: 3 }),
    ],
    [/^\[batches\] rows/, () => data.batches(examples, { rows: 0 })],
    [/^\[batches\] tokens/, () => data.batches(examples, { tokens: 1.5 })],
    [/^\[batches\] seed/, () => data.batches(examples, { seed: -1 })],
    [/^\[batches\] buffer/, () => data.batches(examples, { buffer: 0 })],
    [/^\[batches\] examples/, () => data.batches(3 as never)],
  ]
  for (const [message, call] of wrong) t.throws(call, { code: 'ERR_ARGUMENT', message })
  t.throws(() => data.batches([]), { code: 'ERR_EMPTY' })
  t.throws(() => data.batches(examples, { pad: { words: 1 }, collate: () => 0 }), {
    ...{ code: 'ERR_ARGUMENT', message: /^\[batches\] pad: expected none beside collate/ },
  })
  t.throws(() => data.pad([[1], [2, 0.5]]), { message: /^\[pad\] sequences\[1\]\[1\]: .*got 0\.5/ })
  t.throws(() => data.collate(examples, { steps: -1 }), { message: /^\[batches\] steps/ })
})

test('an example that is wrong is named by its place in the data and its field', async (t) => {
  const words = [1, 2]
  const wrong: [RegExp, unknown, object?][] = [
    [/examples\[7\]: expected an object.* got \[1,2\]/, [1, 2]],
    [/examples\[7\]: expected an object.* got null/, null],
    [/examples\[7\]\.tags: expected as many numbers as words has, 2.* got 1/, { words, tags: [1] }],
    [
      /examples\[7\]\.words\[1\]: expected a whole number.* got 0\.5/,
      { words: [1, 0.5], tags: words },
    ],
    [
      /examples\[7\]\.words: expected a list of numbers, .* got \[1,x\]/,
      { words: [1, 'x'], tags: words },
    ],
    [/examples\[7\]\.tags: expected a list of numbers, .* got undefined/, { words }],
    [
      /pad\.word: expected one of the fields words, tags/,
      { words, tags: words },
      { pad: { word: 1 } },
    ],
    [
      /length of examples\[7\]: .* got a promise/,
      7,
      { length: (x: unknown) => (x === 7 ? Promise.resolve(1) : 1) },
    ],
    [
      /collate: .* at once, got a promise/,
      7,
      { collate: () => Promise.resolve(1), length: () => 1 },
    ],
  ]
  for (const [message, one, options] of wrong) {
    const all = Array.from({ length: 12 }, (_, i) => (i === 7 ? one : { words, tags: words }))
    for (const source of [all, () => all.values()]) {
      const feed = () => data.batches(source as never, { rows: 4, buffer: 4, ...options })
      const read = async () => {
        for await (const _ of feed().pass(0, 0)) continue
      }
      const error = await t.throwsAsync(read, { code: 'ERR_ARGUMENT' })
      t.regex(error?.message ?? '', message)
    }
  }
  // An empty list may be one of anything, and what is no number anywhere is given as it is.
  const { names } = data.collate([{ names: ['a'] }, { names: [] }, { names: undefined }], {
    steps: 1,
  })
  t.deepEqual(names as unknown, [['a'], [], undefined])
})
