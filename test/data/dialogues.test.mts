import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { metrics, readDialogues } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, text: string | Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const yaml = `categories:
- greetings
conversations:
- - Hello
  - no
  - "1.0"
- - 你好
  - 嗨
- A line that nobody answered
`

test('conversations of YAML are strings as they stand, gzip or not', async (t) => {
  const all = [['Hello', 'no', '1.0'], ['你好', '嗨'], ['A line that nobody answered']]
  t.deepEqual(await readDialogues(file('a.yml', yaml)), all)
  t.deepEqual(await readDialogues(file('b.yaml.gz', gzipSync(yaml))), all)
})

test('rows of tables are conversations, by the columns that are named', async (t) => {
  const tsv = file('a.tsv', 'Question\tAnswer\tKind\nhi\thello "you"\tgreeting\nbye\tciao\tend\n')
  const rows = [
    ['hi', 'hello "you"'],
    ['bye', 'ciao'],
  ]
  t.deepEqual(await readDialogues(tsv), rows)
  t.deepEqual(await readDialogues(tsv, { turns: ['Question', 'Answer', 'Kind'] }), [
    ['hi', 'hello "you"', 'greeting'],
    ['bye', 'ciao', 'end'],
  ])
  const plain = file('b.tsv', 'hi\thello\n')
  t.deepEqual(await readDialogues([plain, tsv], { header: false }), [
    ['hi', 'hello'],
    ['Question', 'Answer'],
    ...rows,
  ])
  const lines = file('a.jsonl', '{"turns":["a","b","c"]}\n{"turns":["d","e"]}\n')
  t.deepEqual(await readDialogues(lines), [
    ['a', 'b', 'c'],
    ['d', 'e'],
  ])
})

test('what is no conversation is refused where it stands', async (t) => {
  const refused = async (name: string, text: string, message: RegExp) =>
    t.throwsAsync(async () => readDialogues(file(name, text)), { code: 'ERR_FORMAT', message })
  await refused('c.yml', 'conversations:\n- - a\n  - b: c\n', /number 1: expected a list of turns/)
  await refused('d.yml', 'turns: []\n', /conversations: expected a list/)
  await refused('e.yml', 'conversations:\n- - "open\n', /e\.yml: line \d+: /)
  await refused('b.jsonl', '{"turns":{"a":1}}\n', /line 1: turns/)
  t.throws(() => readDialogues(5 as never), { message: /paths/ })
  t.throws(() => readDialogues('x', { turn: 1 } as never), { message: /did you mean turns/ })
})

test('distinct n-grams among all', (t) => {
  t.is(metrics.distinct(['a b a', 'a b'], 1), 2 / 5)
  t.is(metrics.distinct(['a b a', 'a b'], 2), 2 / 3)
  t.true(Number.isNaN(metrics.distinct(['a'], 2)))
  t.throws(() => metrics.distinct(['a'], 0), { message: /n: expected/ })
  t.throws(() => metrics.distinct('a' as never, 1), { message: /texts/ })
})
