import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { data } from 'rnnative'

const told = async (text: string, options: data.ConllOptions = {}) =>
  (await data.parseConll(text, options)).map(({ words, tags }) =>
    words.map((word, i) => `${word}/${tags[i]}`).join(' '),
  )

test('columns, however they are written', async (t) => {
  const wanted = ['EU/B-ORG rejects/O', 'Peter/B-PER']
  t.deepEqual(await told('EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n'), wanted)
  t.deepEqual(await told('EU B-ORG\nrejects O\n\nPeter B-PER'), wanted)
  t.deepEqual(await told('\ufeffEU  B-ORG\r\nrejects O \r\n \t\r\n\r\nPeter B-PER\r\n\r\n'), wanted)
  const four =
    '-DOCSTART- -X- -X- O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n-DOCSTART- -X- O O\nPeter NNP I-NP B-PER\n'
  t.deepEqual(await told(four), wanted)
  t.deepEqual(await told(four, { column: 2 }), ['EU/NNP rejects/VBZ', 'Peter/NNP'])
  t.deepEqual(await told(four, { column: 1, words: 4 }), ['B-ORG/EU O/rejects', 'B-PER/Peter'])
})

test('comments, and words that begin as they do', async (t) => {
  const tweets = '# a comment of words\n# id = 7\n#hash\tO\nwith\tO\n#\tO\n\n# O\n#tag\tB-x\n'
  t.deepEqual(await told(tweets), ['#hash/O with/O #/O', '#tag/B-x'])
  t.deepEqual(await told('# O\nis O\n'), ['#/O is/O'])
  t.deepEqual(await told('a b\tO\n\u00a0\tO\n'), ['a b/O \u00a0/O'])
})

test('CoNLL-U', async (t) => {
  const row = (id: string, form: string, upos: string) =>
    `${id}\t${form}\tl\t${upos}\tX\t_\t0\troot\t_\t_`
  const text = [
    ...[
      '# sent_id = 1',
      '# text = Vámonos al mar',
      row('1-2', 'vámonos', '_'),
      row('1', 'vamos', 'VERB'),
    ],
    ...[row('2', 'nos', 'PRON'), row('2.1', 'nada', 'X'), row('3', '#', 'SYM'), ''],
  ].join('\n')
  t.deepEqual(await told(text), ['vamos/VERB nos/PRON #/SYM'])
  t.deepEqual(await told(text, { column: 5 }), ['vamos/X nos/X #/X'])
})

test('files, packed ones too, and what is wrong in them', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
  const file = join(directory, 'a.conll.gz')
  const sentences = [
    { words: ['a', '__proto__'], tags: ['O', 'B-constructor'] },
    { words: ['x'], tags: ['O'] },
  ]
  writeFileSync(file, gzipSync(data.toConll(sentences)))
  t.deepEqual(await data.readConll(file), sentences)
  const ragged = join(directory, 'b.conll')
  writeFileSync(ragged, 'a O\nb O\n\nc X O\n')
  await t.throwsAsync(data.readConll(ragged), {
    code: 'ERR_FORMAT',
    message: `[read] ${ragged}: line 4: expected 2 columns, as line 1 has, got 3`,
  })
  await t.throwsAsync(told('a O\n', { column: 3 }), { code: 'ERR_FORMAT', message: /at least 3/ })
  await t.throwsAsync(told('word\n'), { code: 'ERR_FORMAT', message: /line 1: expected 2 to 10/ })
  await t.throwsAsync(told('\n# nothing at all\n'), { code: 'ERR_EMPTY' })
  await t.throwsAsync(told('a O\n', { column: 0 }), { code: 'ERR_ARGUMENT' })
})
