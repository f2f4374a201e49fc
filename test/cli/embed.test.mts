import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { topics } from '../models/embeddings/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const at = (name: string) => join(directory, name)
const text = `${topics(800).join('\n')}\n`
writeFileSync(at('text.txt'), text)
writeFileSync(
  at('pairs.txt'),
  'Whale\tship\t9\nshop\thouse\t8.5\nwhale\tshop\t1\nship,street,0.5\n',
)
const learn = ['embed', 'train', '--dim', 8, '--sample', 0, '--lr', 0.1, '--threads', 1]

test('embed train, nearest and eval, with files of all kinds and a directory', async (t) => {
  const found: unknown[] = []
  for (const name of ['words.vec', 'words.bin', 'model']) {
    const train = [...learn, '--text', at('text.txt'), '--output', at(name), '--json']
    const trained = await rnnative(train)
    t.is(trained.code, 0, trained.stderr)
    t.is(trained.lines[0]?.['stopped'], 'finished')
    t.is(trained.lines[0]?.['vocabulary'], 12)
    const vectors = ['--vectors', at(name), '--json']
    const near = await rnnative(['embed', 'nearest', 'whale', ...vectors, '--count', 3])
    t.is(near.code, 0, near.stderr)
    found.push(near.stdout)
    const analogy = await rnnative(['embed', 'nearest', 'whale', 'ship', 'shop', ...vectors])
    t.is(analogy.code, 0, analogy.stderr)
    const scored = await rnnative(['embed', 'eval', ...vectors, '--pairs', at('pairs.txt')])
    t.is(scored.code, 0, scored.stderr)
    const { covered, correlation } = scored.lines[0] as Record<string, number>
    t.is(covered, 4)
    t.true((correlation as number) > 0.5)
  }
  t.is(new Set(found).size, 1)
  t.regex(readFileSync(at('words.vec'), 'utf8'), /^12 8\n/)
})

test('embed eval tells the line that is no pair; the first one may name the columns', async (t) => {
  writeFileSync(at('two.vec'), '2 2\na 1 0\nb 0 1\n')
  const evaluate = (pairs: string) => {
    writeFileSync(at('some.txt'), pairs)
    return rnnative(['embed', 'eval', '--vectors', at('two.vec'), '--pairs', at('some.txt')])
  }
  const head = await evaluate('# of people\n\nword 1,word 2,mean\na,b,1\n\nb,a,2\n')
  t.is(head.code, 0, head.stderr)
  t.regex(head.stdout, /2 of 2/)
  for (const [pairs, line] of [
    ['a b 1\na b\n', 2],
    ['word word mean\n\na b 1\na b one\n', 4],
    ['a b\na b 1\n', 1],
  ] as const) {
    const { code, stderr } = await evaluate(pairs)
    t.is(code, 1)
    t.regex(
      stderr,
      new RegExp(`some\\.txt: line ${line}: expected two words and a number, got "a b`),
    )
  }
})

test('standard input, a table, and what is wrong', async (t) => {
  const trained = await rnnative([...learn, '--text', '-', '--output', at('in.vec')], {
    input: text,
  })
  t.is(trained.code, 0, trained.stderr)
  t.regex(trained.stdout, /vocabulary\s+12/)
  const model = ['--model', 'fasttext', '--buckets', 1000, '--text', at('text.txt')]
  const parts = await rnnative([...learn, ...model, '--output', at('parts')])
  t.is(parts.code, 0, parts.stderr)
  const unseen = await rnnative(['embed', 'nearest', 'whaler', '--vectors', at('parts')])
  t.regex(unseen.stdout, /whale 0\.\d{4}/)
  const unknown = await rnnative(['embed', 'nearest', 'dog', '--vectors', at('in.vec')])
  t.is(unknown.code, 1)
  t.regex(unknown.stderr, /"dog": has no vector/)
  const wrong = await rnnative([...learn, '--text', at('none'), '--output', at('x.vec')])
  t.regex(wrong.stderr, /none: no such file/)
})

test('embed train of lines, whose nearest are found by a text', async (t) => {
  const flags = [
    '--model',
    'doc2vec',
    '--algorithm',
    'dm',
    '--epochs',
    20,
    '--text',
    at('text.txt'),
  ]
  const trained = await rnnative([...learn, ...flags, '--output', at('documents'), '--json'])
  t.is(trained.code, 0, trained.stderr)
  t.is(trained.lines[0]?.['documents'], 800)
  const vectors = ['--vectors', at('documents'), '--count', 2]
  const near = await rnnative(['embed', 'nearest', 'whale and the ship', ...vectors])
  t.regex(near.stdout, /^\d+ \d\.\d{4}\n\d+ \d\.\d{4}\n$/)
  const refused = await rnnative([
    ...learn,
    ...flags,
    '--max-part',
    3,
    '--min-part',
    2,
    '--output',
    'x',
  ])
  t.regex(refused.stderr, /--min-part: expected none/)
})

test('classify fasttext, and what it saved in classify eval and predict', async (t) => {
  const rows = topics(200).map((line, i) => `${line},${i % 2 ? 'sea' : 'town'}`)
  writeFileSync(at('topics.csv'), `text,label\n${rows.join('\n')}\n`)
  const learned = await rnnative([
    ...['classify', 'fasttext', '--data', at('topics.csv'), '--checkpoint', at('classifier')],
    ...[
      '--dim',
      8,
      '--lr',
      0.5,
      '--ngrams',
      2,
      '--threads',
      1,
      '--valid',
      at('topics.csv'),
      '--json',
    ],
  ])
  t.is(learned.code, 0, learned.stderr)
  const [{ validation }] = learned.lines as [{ validation: { accuracy: number } }]
  t.true(validation.accuracy > 0.95)
  const scored = await rnnative([
    ...['classify', 'eval', '--model', at('classifier'), '--data', at('topics.csv'), '--json'],
  ])
  t.is(scored.lines[0]?.['accuracy'], validation.accuracy)
})
