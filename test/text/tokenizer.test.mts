import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { Tokenizer } from 'rnnative'

const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 })
const readable = fc
  .array(
    fc.constantFrom(
      'whale',
      ' ',
      '  ',
      '\n',
      '\t',
      ',',
      "n't",
      '3.5',
      '我喜欢',
      '鲸鱼',
      '👨‍👩‍👧',
      '\r\n',
      'é',
    ),
    { minLength: 1 },
  )
  .map((pieces) => pieces.join(''))

const code = (value: string) => ({ code: value, instanceOf: Error })

test('characters come back as they went in', (t) => {
  fc.assert(
    fc.property(anyText, (text) => {
      const tokenizer = Tokenizer.characters(text)
      const ids = tokenizer.encode(text)
      return ids.length === [...text].length && tokenizer.decode(ids) === text
    }),
  )
  t.pass()
})

test('bytes take any text, and characters that are split over tokens are held back', (t) => {
  const tokenizer = Tokenizer.bytes()
  t.is(tokenizer.size, 256)
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      (text) => tokenizer.decode(tokenizer.encode(text)) === text,
    ),
  )
  const decoder = tokenizer.decoder()
  t.deepEqual(
    Array.from(tokenizer.encode('é!'), (id) => decoder.write(id)),
    ['', 'é', '!'],
  )
  decoder.write(0xc3)
  t.is(decoder.end(), '\ufffd')
})

test('words joined give the text back, white space included', (t) => {
  fc.assert(
    fc.property(
      readable.filter((text) => /[^ ]/.test(text)),
      (text) => {
        const tokenizer = Tokenizer.words(text, { minCount: 1, split: 'unicode' })
        return tokenizer.decode(tokenizer.encode(text)) === text
      },
    ),
  )
  t.pass()
})

const tokensOf = (tokenizer: Tokenizer, text: string) =>
  Array.from(tokenizer.encode(text), (id) => tokenizer.tokens[id])

test('words: Chinese is segmented, and usual spaces are not written', (t) => {
  const text = 'The whale. 我喜欢学习中文。\n'
  const tokenizer = Tokenizer.words(text, { minCount: 1 })
  t.deepEqual(tokensOf(tokenizer, text), [
    ...['The', 'whale', '.', '我', '喜欢', '学习', '中文', '。', '\n'],
  ])
})

test('words: a word is one token wherever it stands, and spaces come back', (t) => {
  const text =
    'The cat sat. The dog ran to the cat.\n"Run," said the (old) cat; well-known cats don\'t.\n'
  const tokenizer = Tokenizer.words(text.repeat(3))
  t.deepEqual(tokensOf(tokenizer, text), [
    ...['The', 'cat', 'sat', '.', 'The', 'dog', 'ran', 'to', 'the', 'cat', '.', '\n'],
    ...['"', 'Run', ',', '"', 'said', 'the', '(', 'old', ')', 'cat', ';'],
    ...['well', '-', 'known', 'cats', "don't", '.', '\n'],
  ])
  for (const one of [
    'cat',
    'dog ran',
    'The cat',
    'cat ',
    ' cat',
    'cat-dog',
    'the " cat',
    'cat\n dog',
  ])
    t.is(tokenizer.decode(tokenizer.encode(one)), one)
  t.is(new Set(tokenizer.encode('cat cat\ncat')).size, 2)
  // As it is generated: each token brings the space before it.
  const decoder = tokenizer.decoder()
  const written = Array.from(tokenizer.encode('the cat, the dog'), (id) => decoder.write(id))
  t.deepEqual(written, ['the', ' cat', ',', ' the', ' dog'])
})

test('words of earlier versions, which held the space before them, stay as they were', (t) => {
  const tokens = ['<unk>', 'the', ' cat', ' the', '.', ' ', ' dog']
  const pattern =
    " ?[\\p{L}\\p{M}\\p{N}_]+(?:['’.:·][\\p{L}\\p{M}\\p{N}_]+)*| ?[^\\s\\p{L}\\p{M}\\p{N}_]| +(?= )| ?\\s"
  const old = Tokenizer.fromJSON({
    ...{ version: '1.0', truncation: null, padding: null, normalizer: null, post_processor: null },
    pre_tokenizer: {
      ...{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    },
    decoder: { type: 'Fuse' },
    model: {
      ...{ type: 'WordLevel', unk_token: '<unk>' },
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  })
  t.is(old.unit, 'word')
  t.deepEqual(tokensOf(old, 'the cat  the dog.'), ['the', ' cat', ' ', ' the', ' dog', '.'])
  t.is(old.decode(old.encode('the cat. ')), 'the cat. ')
  t.is(
    old.decode(old.encode('the zebra.'), () => 'z'),
    'the z.',
  )
  t.deepEqual(
    Tokenizer.fromJSON(JSON.parse(JSON.stringify(old))).encode('the cat'),
    old.encode('the cat'),
  )
})

test('words: long lines cost no more than short ones and segment alike', (t) => {
  const sentence = 'It was the whiteness of the whale that above all things appalled me; '
  const text = sentence.repeat(3000)
  const tokenizer = Tokenizer.words(text, { minCount: 1 })
  t.true(tokenizer.decode(tokenizer.encode(text)) === text)
  t.is(tokenizer.size, 16) // <unk>, two for spacing, 12 words, ";"
})

test('half a surrogate pair is refused where it has no bytes', (t) => {
  const text = 'good \u{1f600}'.slice(0, 6)
  const pairs = Tokenizer.bpe('good good', { vocabulary: 260 })
  const expected = { code: 'ERR_ARGUMENT', message: /half a surrogate pair at index 5/ }
  for (const tokenizer of [Tokenizer.bytes(), pairs]) {
    t.throws(() => tokenizer.encode(text), expected)
    t.throws(() => tokenizer.pieces(text), expected)
  }
  t.throws(() => Tokenizer.bpe(text), expected)
  const characters = Tokenizer.characters(text)
  t.is(characters.decode(characters.encode(text)), text)
})

test('texts that leave <unk> alone are refused', (t) => {
  const refused = { code: 'ERR_EMPTY', message: /a word that occurs 2 times, got none/ }
  t.throws(() => Tokenizer.words('all of these are single'), refused)
  t.throws(() => Tokenizer.spaces(' \t '), { code: 'ERR_EMPTY', message: /occurs once/ })
  t.throws(() => Tokenizer.words('a a', { vocabulary: 3 }), code('ERR_ARGUMENT'))
})

test('text that is tokenised already is split at white space, with line ends as tokens', (t) => {
  const text = ' the <unk> sat \n <unk> said so \n'
  const tokenizer = Tokenizer.words(text)
  t.is(tokenizer.unit, 'whitespace')
  t.is(tokenizer.idOf('<unk>'), 0)
  const ids = tokenizer.encode(text)
  t.is(ids.length, 8)
  t.is(tokenizer.decode(ids), 'the <unk> sat\n<unk> said so\n')
})

test('vocabulary and minCount bound the words; unknown ones map to <unk>', (t) => {
  const text = 'a a a b b c'
  t.deepEqual(Tokenizer.spaces(text, { minCount: 2 }).tokens, ['<unk>', 'a', 'b'])
  const two = Tokenizer.spaces(text, { vocabulary: 2 })
  t.deepEqual([...two.encode('a b z')], [1, 0, 0])
  t.deepEqual([...Tokenizer.characters('ab').encode('bz')], [2, 0])
})

test('tokenizer.json loads back and stays the same', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
  const text = 'Call me Ishmael. 我 __proto__ 12 12 "\\'
  const odd = `${text}\ud800`
  const all = [
    Tokenizer.characters(odd),
    Tokenizer.bytes(),
    Tokenizer.words(odd, { minCount: 1 }),
    Tokenizer.spaces(odd),
    Tokenizer.bpe(text.repeat(3), { vocabulary: 270 }),
    Tokenizer.spaces(text).withBoundaries(),
    Tokenizer.bytes().withBoundaries(),
    Tokenizer.bpe(text.repeat(3)).withBoundaries(),
  ]
  for (const tokenizer of all) {
    const path = join(directory, 'tokenizer.json')
    await tokenizer.save(path)
    const loaded = await Tokenizer.load(path)
    t.is(loaded.unit, tokenizer.unit)
    t.deepEqual(loaded.tokens, tokenizer.tokens)
    t.is(loaded.end, tokenizer.end)
    t.deepEqual(JSON.stringify(loaded), JSON.stringify(tokenizer))
    t.deepEqual(loaded.encode(text), tokenizer.encode(text))
  }
})

test('a malformed tokenizer.json is refused', (t) => {
  const good = JSON.parse(JSON.stringify(Tokenizer.characters('ab'))) as Record<string, unknown>
  const model = good['model'] as Record<string, unknown>
  const bad: unknown[] = [
    null,
    [],
    {},
    { ...good, model: null },
    { ...good, pre_tokenizer: { type: 'Whitespace' } },
    { ...good, version: '2.0' },
    { ...good, version: null },
    { ...good, model: { ...model, type: 'BPE' } },
    { ...good, model: { ...model, vocab: { '<unk>': 0, a: 5 } } },
    { ...good, model: { ...model, vocab: { '<unk>': 0, a: 0 } } },
    { ...good, model: { ...model, vocab: { '<unk>': 0, a: '1' } } },
    { ...good, model: { ...model, vocab: { a: 0, b: 1 } } },
  ]
  const pairs = JSON.parse(JSON.stringify(Tokenizer.bpe('aaa'))) as Record<string, unknown>
  const { vocab } = pairs['model'] as { vocab: Record<string, number> }
  for (const merges of [undefined, ['a a'], [['a', 'bb']], [['a', 'b']], [['a', 5]]])
    bad.push({ ...pairs, model: { type: 'BPE', vocab, merges } })
  bad.push({ ...pairs, model: { type: 'BPE', vocab: { a: 0, aa: 1 }, merges: [['a', 'a']] } })
  bad.push({ ...pairs, added_tokens: [{ id: 1, content: '<s>' }] })
  for (const json of bad) t.throws(() => Tokenizer.fromJSON(json), code('ERR_FORMAT'))
})

test('wrong arguments have codes', (t) => {
  t.throws(() => Tokenizer.characters(''), code('ERR_EMPTY'))
  t.throws(() => Tokenizer.words(''), code('ERR_EMPTY'))
  t.throws(() => Tokenizer.characters(5 as unknown as string), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.words('a', { vocabulary: 0 }), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.words('a', { split: 'whitespace' as 'unicode' }), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.bpe('a', { vocabulary: 255 }), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.bpe('a', { minCount: 0 }), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.bpe(['', '']), code('ERR_EMPTY'))
  t.throws(() => Tokenizer.spaces([]), code('ERR_EMPTY'))
  t.throws(() => Tokenizer.spaces(['a', 5 as unknown as string]), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.spaces(5 as unknown as string), code('ERR_ARGUMENT'))
  t.throws(() => Tokenizer.bytes().decode([256]), code('ERR_INDEX'))
})

const KINDS = ['characters', 'words', 'spaces', 'bpe'] as const

test('learn makes what the function of that name makes, and leaves the event loop to others', async (t) => {
  // Words that are all different, and frequent ones.
  const words = Array.from({ length: 40_000 }, (_, i) => `${(i * 7919).toString(36)} the 鲸鱼, `)
  const text = words.join('')
  for (const kind of KINDS)
    for (const texts of [text.slice(0, 50_000), words.slice(0, 2000), new Set(words.slice(0, 500))])
      t.deepEqual((await Tokenizer.learn(kind, texts)).toJSON(), Tokenizer[kind](texts).toJSON())
  const options = { vocabulary: 300, minCount: 3 }
  t.deepEqual(
    (await Tokenizer.learn('bpe', text, options)).tokens,
    Tokenizer.bpe(text, options).tokens,
  )
  t.is((await Tokenizer.learn('words', 'a <unk> b a', { vocabulary: 2 })).unit, 'whitespace')

  let turns = 0
  const timer = setInterval(() => ++turns, 1)
  await Tokenizer.learn('bpe', text)
  clearInterval(timer)
  t.true(turns > 4, `${turns} turns`)

  const given = ['a', 'b']
  const learned = Tokenizer.learn('characters', given)
  given[1] = 'c'
  t.deepEqual((await learned).tokens, ['<unk>', 'a', 'b'])
})

test('learn refuses what the others refuse, and what it cannot learn', async (t) => {
  const refused = (code: string, ...args: unknown[]) =>
    t.throwsAsync(Tokenizer.learn(...(args as ['bpe', string])), { code }, String(args[0]))
  await refused('ERR_ARGUMENT', 'bytes', 'a')
  await refused('ERR_ARGUMENT', 'toString', 'a')
  await refused('ERR_ARGUMENT', 'characters', 'a', { vocabulary: 5 })
  await refused('ERR_ARGUMENT', 'words', 'a', { split: 'whitespace' })
  await refused('ERR_ARGUMENT', 'bpe', 'a', null)
  await refused('ERR_ARGUMENT', 'spaces', 5)
  await refused('ERR_EMPTY', 'bpe', ['', ''])
})

test('several texts make one vocabulary', (t) => {
  t.deepEqual(Tokenizer.characters(['ba', '', 'c']).tokens, ['<unk>', 'a', 'b', 'c'])
  t.deepEqual(Tokenizer.spaces(['x y', 'x z']).tokens, ['<unk>', 'x', 'y', 'z'])
  t.deepEqual(Tokenizer.words(new Set(['a b', 'b']), { minCount: 2 }).tokens.slice(3), ['b'])
  const phonemes = Tokenizer.spaces(['HH AH0', 'L OW1'])
  t.is(phonemes.decode(phonemes.encode(' L  AH0 ')), 'L AH0')
})

test('boundaries are the last two tokens, which no text makes and which read as nothing', (t) => {
  const text = '<s> a </s> b <unk>'
  for (const plain of [
    Tokenizer.characters(text),
    Tokenizer.spaces(text),
    Tokenizer.words(text, { split: 'unicode', minCount: 1 }),
    Tokenizer.bytes(),
    Tokenizer.bpe(text.repeat(9)),
  ]) {
    t.is(plain.begin, null)
    t.false(plain.tokens.includes('</s>'))
    const tokenizer = plain.withBoundaries()
    t.is(tokenizer.withBoundaries(), tokenizer)
    t.is(tokenizer.size, plain.size + 2)
    t.is(tokenizer.begin, plain.size)
    t.is(tokenizer.end, plain.size + 1)
    t.deepEqual(tokenizer.tokens.slice(-2), ['<s>', '</s>'])
    t.is(tokenizer.idOf('</s>'), undefined)
    const ids = tokenizer.encode(text)
    t.deepEqual(ids, plain.encode(text))
    t.is(tokenizer.decode([plain.size, ...ids, plain.size + 1]), plain.decode(ids))
  }
  const foreign = JSON.parse(JSON.stringify(Tokenizer.spaces('a'))) as { model: { vocab: object } }
  foreign.model.vocab = { '<unk>': 0, '<s>': 1 }
  t.throws(() => Tokenizer.fromJSON(foreign).withBoundaries(), code('ERR_ARGUMENT'))
})

test('unknown tokens can be replaced by the word at their position', (t) => {
  const replace = (position: number) => `w${position}`
  const spaces = Tokenizer.spaces('a b').withBoundaries()
  t.is(spaces.decode([0, 1, 0, 2, 4], replace), 'w0 a w2 b')
  t.is(spaces.decode([3, 1, 0], replace), 'a w2')
  const words = Tokenizer.words('the whale, the whale', { minCount: 1 })
  t.is(words.decode(words.encode('the ship, the whale'), replace), 'the w1, the whale')
  t.is(Tokenizer.characters('ab').decode([1, 0, 2], replace), 'aw1b')
})

test('pieces are what ids are given to', (t) => {
  t.deepEqual(Tokenizer.spaces('a').pieces(' a  zebra '), ['a', 'zebra'])
  t.deepEqual(Tokenizer.characters('a').pieces('aé😀'), ['a', 'é', '😀'])
  t.deepEqual(Tokenizer.words('a', { minCount: 1 }).pieces('a zebra.'), ['a', 'zebra', '.'])
  t.deepEqual(Tokenizer.bytes().pieces('aé'), ['a', '\ufffd', '\ufffd'])
  const pairs = Tokenizer.bpe('the the the')
  t.deepEqual(pairs.pieces('the they'), [' the', ' the', 'y'])
})

test('words keep the Unicode version that they were cut by, and say when it is another', async (t) => {
  const json = (tokenizer: Tokenizer) =>
    JSON.parse(JSON.stringify(tokenizer)) as { model: { unicode?: unknown } }
  const running = process.versions['unicode'] as string
  const made = Tokenizer.words('a cat sat on a cat', { minCount: 1 })
  t.is(json(made).model.unicode, running)
  t.is(json(made.withBoundaries()).model.unicode, running)
  for (const other of [Tokenizer.characters('ab'), Tokenizer.spaces('a b'), Tokenizer.bytes()])
    t.false('unicode' in json(other).model)

  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  const load = (unicode: unknown) => {
    const saved = json(made)
    if (unicode === undefined) delete saved.model.unicode
    else saved.model.unicode = unicode
    return Tokenizer.fromJSON(saved, 'x.json')
  }
  t.is(json(load('3.0')).model.unicode, '3.0')
  load('3.0')
  load(running)
  t.false('unicode' in json(load(undefined)).model)
  t.throws(() => load(15), { code: 'ERR_FORMAT', message: /model\.unicode/ })
  await new Promise(setImmediate)
  process.off('warning', listen)
  t.deepEqual(
    warnings.map(({ message }) => message.slice(0, 47)),
    ['[tokenizer] x.json: made with Unicode 3.0, this'],
  )
})
