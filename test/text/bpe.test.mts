import { createRequire } from 'node:module'
import test from 'ava'
import fc from 'fast-check'
import { Tokenizer } from 'rnnative'
import { atOnce } from '#dist/pauses.js'
import { PIECES, piecesOf } from '#dist/text/bpe-pieces.js'
import { learningPairs } from '#dist/text/bpe-trainer.js'

// Its own types do not compile with this module resolution.
interface HuggingFaceTokenizer {
  encode(text: string): { ids: number[] }
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string
  token_to_id(token: string): number | undefined
}
const { Tokenizer: HuggingFace } = createRequire(import.meta.url)('@huggingface/tokenizers') as {
  Tokenizer: new (json: object, config: object) => HuggingFaceTokenizer
}

const SENTENCES = [
  'A man in a green shirt holds a guitar, while the other man looks at the guitar.',
  'Ein Mann in grünem Hemd hält eine Gitarre; der andere Mann sieht die Gitarre an.',
  "it &apos;s a &quot; well-known &quot; man , isn't it ?  Yes...",
  'Größe, Straße, größer, am größten; 我喜欢学习中文。我喜欢鲸鱼！ 3.14 1,000 😀😀 👨‍👩‍👧',
  'banana bananas aaaa aaaaaa ababab the\nwhale \t the   whale',
]
const trained = Tokenizer.bpe(SENTENCES, { vocabulary: 420, minCount: 1 })

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(...SENTENCES.join(' ').split(/(?=[ .,])/u), ' ', '\u0085', '\ufeff', 'Ġ'),
      )
      .map((parts) => parts.join('')),
  )
  .filter((one) => !/\p{Surrogate}/u.test(one))

/** The same by recounting everything each time. */
function naivePairs(texts: string[], vocabulary: number, minCount: number): string[] {
  const words = texts.flatMap((one) =>
    Array.from(` ${one}`.matchAll(new RegExp(PIECES, 'gu')), ([piece]) =>
      Array.from(Buffer.from(piece, 'utf8'), (byte) => trained.tokens[byte] as string),
    ),
  )
  const tokens = trained.tokens.slice(0, 256)
  const merges: string[] = []
  while (tokens.length < vocabulary) {
    const counts = new Map<string, number>()
    for (const word of words)
      for (let i = 1; i < word.length; ++i) {
        const key = `${word[i - 1]} ${word[i]}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    const order = ([pair, count]: [string, number]) => {
      const [left = '', right = ''] = pair.split(' ')
      return [-count, tokens.indexOf(left), tokens.indexOf(right)]
    }
    const best = [...counts]
      .filter(([pair, count]) => count >= minCount && !merges.includes(pair))
      .map((entry) => ({ pair: entry[0], order: order(entry) }))
      .sort((a, b) => {
        const i = a.order.findIndex((value, at) => value !== b.order[at])
        return (a.order[i] as number) - (b.order[i] as number)
      })[0]
    if (best === undefined) break
    merges.push(best.pair)
    const [left = '', right = ''] = best.pair.split(' ')
    if (!tokens.includes(left + right)) tokens.push(left + right)
    words.forEach((word, w) => {
      const merged: string[] = []
      for (let i = 0; i < word.length; ++i)
        if (word[i] === left && word[i + 1] === right) {
          merged.push(left + right)
          ++i
        } else merged.push(word[i] as string)
      words[w] = merged
    })
  }
  return merges
}

test('the most frequent pair is merged first, as by recounting', (t) => {
  const few = fc.array(
    fc
      .array(fc.constantFrom('a', 'b', 'c', 'ab', 'ba', ' ', ',', 'é'), { maxLength: 20 })
      .map((parts) => parts.join('')),
    { maxLength: 6 },
  )
  const merges = (texts: string[], minCount: number, vocabulary = 290) =>
    atOnce(learningPairs(texts, { vocabulary, minCount }, new Set())).merges.map((pair) =>
      pair.join(' '),
    )
  fc.assert(
    fc.property(few, fc.integer({ min: 1, max: 3 }), (texts, minCount) => {
      const expected = naivePairs(
        texts.filter((one) => one !== ''),
        290,
        minCount,
      )
      t.deepEqual(merges(texts, minCount), expected)
    }),
    { numRuns: 200 },
  )
  t.deepEqual(merges(SENTENCES, 1), naivePairs(SENTENCES, 290, 1))
  // More places of a pair than are sorted together, not all from left to right.
  const word = Array.from({ length: 140_000 }, (_, i) => ((i * i) % 97 < 9 ? 'b' : 'a')).join('')
  t.deepEqual(merges([word], 2, 268), naivePairs([word], 268, 2))
})

test('any text comes back as it went in', (t) => {
  fc.assert(
    fc.property(text, (one) => {
      const ids = trained.encode(one)
      return trained.decode(ids) === one && ids.every((id) => id < trained.size)
    }),
    { numRuns: 300 },
  )
  t.is(trained.unknown, null)
  t.is(trained.encode('').length, 0)
})

test('Hugging Face reads tokenizer.json and gives the same ids and text', (t) => {
  for (const tokenizer of [trained, trained.withBoundaries()]) {
    const theirs = new HuggingFace(JSON.parse(JSON.stringify(tokenizer)) as object, {})
    fc.assert(
      fc.property(
        text.filter((one) => one !== '' && !/<\/?s>/.test(one)),
        (one) => {
          const { ids } = theirs.encode(one)
          t.deepEqual([...tokenizer.encode(one)], ids)
          const plain = { clean_up_tokenization_spaces: false }
          t.is(theirs.decode(ids, plain), tokenizer.decode(ids))
        },
      ),
    )
  }
  const ours = trained.withBoundaries()
  const theirs = new HuggingFace(JSON.parse(JSON.stringify(ours)) as object, {})
  t.is(theirs.token_to_id('</s>'), ours.end ?? -1)
})

test('frequent words are single tokens wherever they stand; marks stay apart', (t) => {
  const tokenizer = Tokenizer.bpe(Array<string>(5).fill('the whale, the whale'))
  t.deepEqual(tokenizer.pieces('whale, the whale,'), [' whale', ',', ' the', ' whale', ','])
  t.is(new Set(tokenizer.encode('whale whale')).size, 1)
})

test('the vocabulary is as large as asked, smaller where pairs run out, and independent of order', (t) => {
  t.is(trained.size, 420)
  t.is(Tokenizer.bpe('ab ab', { vocabulary: 5000 }).size, 256 + 2) // Ġa, Ġab
  t.is(Tokenizer.bpe('xyz', { vocabulary: 300, minCount: 2 }).size, 256)
  t.deepEqual(
    Tokenizer.bpe([...SENTENCES].reverse(), { vocabulary: 420, minCount: 1 }).tokens,
    trained.tokens,
  )
})

test('output appears token by token without the space before the first word', (t) => {
  const tokenizer = Tokenizer.bpe('the whale the whale')
  const decoder = tokenizer.decoder()
  const written = Array.from(tokenizer.encode('the whale é'), (id) => decoder.write(id))
  t.deepEqual(written, ['the', ' whale', ' ', '', 'é'])
  t.is(tokenizer.decode(tokenizer.encode(' the')), ' the')
})

test('pieces are the matches of the pattern that the file holds', (t) => {
  const pattern = new RegExp(PIECES, 'gu')
  const marks = fc.constantFrom(...' \n\t\u0085\u3000.,[](){}…。a\u{1f600}\ud800')
  fc.assert(
    fc.property(fc.array(marks, { minLength: 1 }), (parts) => {
      const one = parts.join('')
      t.deepEqual(
        [...piecesOf(one)],
        Array.from(` ${one}`.matchAll(pattern), ([piece]) => piece),
      )
    }),
  )
})

/** Milliseconds of this process. */
function processorTime(work: () => void): number {
  const { user, system } = process.cpuUsage()
  work()
  const after = process.cpuUsage()
  return (after.user + after.system - user - system) / 1000
}

test('long pieces take no more time than short ones of the same length together', (t) => {
  const letters = Array.from({ length: 200_000 }, (_, i) =>
    String.fromCharCode(97 + ((i * i) % 23)),
  )
  const line = letters.join('')
  const took = processorTime(() => {
    const tokenizer = Tokenizer.bpe(line)
    t.is(tokenizer.decode(tokenizer.encode(line)), line)
    const spaces = ' '.repeat(200_000)
    t.is(tokenizer.decode(tokenizer.encode(spaces)), spaces)
  })
  t.true(took < 8000, `${took} ms`)
})
