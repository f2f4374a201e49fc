import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { readLabelled, readTable } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-table-'))
let files = 0
function write(content: string | Uint8Array, name = 'table.csv'): string {
  const path = join(directory, `${++files}-${name}`)
  writeFileSync(path, content)
  return path
}

test('CSV as of RFC 4180: quoted separators, quotes and line ends, a byte-order mark, CRLF', async (t) => {
  const path = write('\ufefflabel,text\r\n1,"a, ""b""\r\nc"\r\n\r\n0,\r\n')
  const rows = [
    { label: '1', text: 'a, "b"\r\nc' },
    { label: '0', text: '' },
  ]
  t.deepEqual(await readTable(path), rows)
  t.deepEqual(await readTable(write(gzipSync('\ufefflabel,text\n1,x'))), [
    { label: '1', text: 'x' },
  ])
})

test('the separator is found out', async (t) => {
  const rows = [{ text: 'a,b', label: '1' }]
  t.deepEqual(await readTable(write('text;label\n"a,b";1\n')), rows)
  t.deepEqual(await readTable(write('text|label\na,b|1\n')), rows)
  t.deepEqual(await readTable(write('text\tlabel\na,b\t1\n')), rows)
  t.deepEqual(await readTable(write('text::label\na,b::1\n'), { separator: '::' }), rows)
})

test('where tabs part the columns, quotation marks are ordinary unless said otherwise', async (t) => {
  const path = write('text\tlabel\n"Its" good\t1\n', 'x.tsv')
  t.deepEqual(await readTable(path), [{ text: '"Its" good', label: '1' }])
  await t.throwsAsync(async () => readTable(path, { quotes: true }), { code: 'ERR_FORMAT' })
  const quoted = write('text\tlabel\n"a\t\tb\nc"\t1\n', 'x.tsv')
  t.deepEqual(await readTable(quoted, { quotes: true }), [{ text: 'a\t\tb\nc', label: '1' }])
  await t.throwsAsync(async () => readTable(quoted), {
    message: /line 2: .* is it quoted \(quotes: true\)\?/,
  })
})

test('columns by name or number, several as one, names that objects have', async (t) => {
  const path = write('__proto__,b,constructor\n1,2,3\n')
  const columns = { first: '__proto__', __all: ['b', 3], last: 'constructor' } as const
  t.deepEqual(await readTable(path, { columns }), [{ first: '1', __all: ['2', '3'], last: '3' }])
  const [row] = await readTable(path)
  t.deepEqual(Object.entries(row!), [
    ['__proto__', '1'],
    ['b', '2'],
    ['constructor', '3'],
  ])
  const headless = write('a,b\nc,d\n')
  t.deepEqual(await readTable(headless, { header: false, columns: { x: 2 } }), [
    { x: 'b' },
    { x: 'd' },
  ])
  t.deepEqual(await readTable(headless, { header: false }), [
    { 1: 'a', 2: 'b' },
    { 1: 'c', 2: 'd' },
  ])
})

test('JSON Lines: numbers as text, blank lines, several files', async (t) => {
  const path = write('\ufeff{"text":"a","n":1}\r\n\n{"n":true,"text":"\\u4e2d"}', 'x.jsonl')
  const rows = [
    { text: 'a', n: '1' },
    { text: '中', n: 'true' },
  ]
  t.deepEqual(await readTable(path), rows)
  t.deepEqual(await readTable([path, write('n,text\n2,b\n')]), [...rows, { text: 'b', n: '2' }])
})

async function refused(
  t: ExecutionContext,
  content: string,
  name: string,
  message: RegExp,
  options = {},
) {
  await t.throwsAsync(async () => readTable(write(content, name), options), {
    code: 'ERR_FORMAT',
    message,
  })
}

test('a row that is none is refused with its line', async (t) => {
  // Line ends within cells count once, whatever they are.
  const before = 'a,b\r\n"x\r\ny\r\nz",1\r\n\r\n'
  await refused(
    t,
    `${before}1,2,3\r\n`,
    'x.csv',
    /: line 6: expected 2 columns as in line 1, got 3$/,
  )
  await refused(t, `${before}1\r\n`, 'x.csv', /: line 6: expected 2 columns as in line 1, got 1$/)
  await refused(
    t,
    `${before}1,"2\r\n3,4\r\n`,
    'x.csv',
    /: line 6: a quotation mark that is not closed/,
  )
  await refused(t, `${before}1,x"y\r\n`, 'x.csv', /: line 6: a quotation mark within a field/)
  await refused(t, `${before}1,"x"y\r\n`, 'x.csv', /: line 6: a quotation mark within a field/)
  const rows = Array.from({ length: 50_000 }, (_, i) => `"${i}\n",x\n`).join('')
  await refused(t, `a,b\n${rows}1\n`, 'x.csv', /: line 100002: expected 2 columns/)
  await refused(t, '{"a":1}\n\n{"a":1,}\n', 'x.jsonl', /: line 3: not valid JSON: /)
  await refused(t, '{"a":1}\n[1]\n', 'x.jsonl', /: line 2: expected an object, got \[1\]/)
  await refused(t, '{"a":1}\n{"b":1}\n', 'x.jsonl', /: line 2: b: is none of the first row's a/)
  await refused(t, '{"a":1,"b":2}\n{"b":1}\n', 'x.jsonl', /: line 2: a: expected a value, got none/)
  await refused(
    t,
    '{"a":{}}\n',
    'x.jsonl',
    /: line 1: a: expected a string or a number, got an object/,
  )
})

test('columns that are not there, or there twice, are refused with those that are', async (t) => {
  await refused(t, 'a,b\n', 'x.csv', /: expected a column "c", got "a", "b"$/, {
    columns: { c: 'c' },
  })
  await refused(t, 'a,b\n', 'x.csv', /: expected a column 3, got 2 columns$/, { columns: { c: 3 } })
  await refused(t, 'a,a\n', 'x.csv', /: two columns are called "a"$/)
})

test('files that cannot be read, are empty, damaged or not UTF-8', async (t) => {
  await t.throwsAsync(async () => readTable(join(directory, 'none')), { code: 'ERR_IO' })
  await t.throwsAsync(async () => readTable(directory), { message: /is a directory/ })
  await t.throwsAsync(async () => readTable(write('')), { code: 'ERR_EMPTY' })
  const damaged = gzipSync('a,b\n'.repeat(1000)).subarray(0, 30)
  await t.throwsAsync(async () => readTable(write(damaged)), { message: /: damaged gzip: / })
  const latin = Buffer.from('a,b\n1,\xe9\n', 'latin1')
  await t.throwsAsync(async () => readTable(write(latin)), {
    message: /: line 2: not valid UTF-8 text/,
  })
})

test('options that make no sense are named', (t) => {
  const bad = (options: object, message: RegExp) =>
    t.throws(() => readTable('x', options as never), { code: 'ERR_ARGUMENT', message })
  bad({ colums: {} }, /colums: is no option here; did you mean columns\?/)
  bad({ columns: { a: 0 } }, /columns\.a: expected the name of a column or its number from 1/)
  bad({ columns: {} }, /columns: expected columns by name/)
  bad({ separator: '"' }, /separator: expected/)
  bad({ format: 'xml' }, /format: expected 'csv' or 'jsonl'/)
  bad({ header: 1 }, /header: expected true or false/)
  t.throws(() => readTable([]), { message: /paths: expected a path, or several/ })
})

test('a stream that is left halfway closes its file', async (t) => {
  const path = write(`a\n${'1\n'.repeat(200_000)}`)
  let rows = 0
  for await (const { a } of readTable(path, { separator: ',' })) {
    t.is(a, '1')
    if (++rows === 3) break
  }
  t.is(rows, 3)
})

test('labelled texts: fields, several labels, wrong cells', async (t) => {
  const path = write('title,body,tags\na,b,x | y|x\nc,d,\n')
  const options = { text: ['title', 2], label: 'tags', labelSeparator: '|' }
  t.deepEqual(await readLabelled(path, options), [
    { text: ['a', 'b'], label: ['x', 'y'] },
    { text: ['c', 'd'], label: [] },
  ])
  t.deepEqual(await readLabelled(write('{"text":"a","label":["x","y"]}\n', 'x.jsonl')), [
    { text: 'a', label: ['x', 'y'] },
  ])
  await t.throwsAsync(async () => readLabelled(write('{"text":["a"],"label":1}\n', 'x.jsonl')), {
    message: /: line 1: text: expected a string, got \[a\]/,
  })
  await t.throwsAsync(async () => readLabelled(write('review,label\na,1\n')), {
    message: /: expected a column "text", got "review", "label"/,
  })
  t.throws(() => readLabelled('x', { label: ['a'] as never }), {
    message: /label: expected one column/,
  })
})
