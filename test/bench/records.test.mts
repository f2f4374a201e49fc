import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { spawnSync } from 'node:child_process'

interface Found {
  differs: string
  compared: number
  slower: { row: string; slower: number; noise: number }[]
  faster: { row: string }[]
  leftOut: string[]
}
interface Suite {
  name: string
  record: string
  read: (record: unknown) => object[]
}

const load = (script: string): Promise<unknown> => import(pathToFileURL(resolve(script)).href)
const { writeTables, withTables, recorded } = (await load('bench/tables.mjs')) as {
  writeTables(options: { check: boolean }): string[]
  withTables(text: string, page: string): string
  recorded(suite: Suite): object | null
}
const { SUITES, chooseSuites } = (await load('bench/suites.mjs')) as {
  SUITES: Suite[]
  chooseSuites(names: string): Suite[]
}
const { compareRecords } = (await load('bench/compare.mjs')) as {
  compareRecords(suite: Suite, before: object, runs: object[]): Found
}

test('tables and records agree', (t) => {
  t.deepEqual(writeTables({ check: true }), [])
})

test('every record is read as rows of one shape', (t) => {
  for (const suite of SUITES) {
    const record = recorded(suite)
    if (record === null) continue
    const rows = suite.read(record) as Record<string, unknown>[]
    t.true(rows.length > 0, suite.name)
    for (const row of rows) {
      t.is(typeof row['row'], 'string', suite.name)
      if (row['unavailable'] !== undefined) continue
      t.true(Number(row['ours']) > 0, `${suite.name} ${String(row['row'])}`)
      t.is(row['ratio'] === null, row['rival'] === null, `${suite.name} ${String(row['row'])}`)
    }
  }
})

test('a marker that is not closed, and a table that there is not, are named', (t) => {
  t.throws(() => withTables('<!-- bench:speed -->\n', 'a.md'), {
    message: /^a\.md: .*no <!-- \/bench/,
  })
  t.throws(() => withTables('<!-- bench:sped -->\n<!-- /bench:sped -->\n', 'a.md'), {
    message: /^a\.md: no table sped: speed, layers/,
  })
})

test('a suite that there is not is named', (t) => {
  t.throws(() => chooseSuites('layers,step'), { message: /^no suite step: layers, steps/ })
})

const suite = SUITES.find(({ name }) => name === 'startup') as Suite
const machine = { cpu: 'a', cores: 2, isa: 'avx2' }
const record = (rows: object[], more = {}): object => ({ machine: { ...machine, ...more }, rows })
const row = (name: string, ours: number, theirs: number | null, noise = 0.01): object => ({
  ...{ row: name, rival: theirs === null ? null : 'torch', unit: 'ms', ours, theirs, noise },
  ...{ ratio: theirs && theirs / ours, ratioNoise: noise },
})

test('rows slower by more than the noise are named, others are not', (t) => {
  const before = record([row('a', 10, null), row('b', 10, 20), row('c', 10, null, 0.2)])
  const now = [11, 11.1].map((ms) =>
    record([row('a', ms, null), row('b', 10.1, 20), row('c', 12, null)]),
  )
  const found = compareRecords(suite, before, now)
  t.is(found.compared, 3)
  t.deepEqual(
    found.slower.map(({ row }) => row),
    ['startup: a'],
  )
  const repeats = [9, 13].map((ms) => record([row('a', ms, null)]))
  t.deepEqual(compareRecords(suite, before, repeats).slower, [], 'repeats that lie apart')
})

test('more is better of rates', (t) => {
  const rate = (ours: number): object => ({ ...row('a', ours, null), unit: 'tokens/s' })
  const found = compareRecords(suite, record([rate(100)]), [record([rate(80)])])
  t.is(found.slower.length, 1)
  t.is(compareRecords(suite, record([rate(80)]), [record([rate(100)])]).faster.length, 1)
})

test('on another machine only ratios count', (t) => {
  const before = record([row('a', 10, null), row('b', 10, 20), row('c', 10, 20)])
  const now = [record([row('a', 30, null), row('b', 30, 60), row('c', 30, 40)], { isa: 'avx512' })]
  const { differs, compared, slower, leftOut } = compareRecords(suite, before, now)
  t.is(differs, 'isa avx2 then, avx512 now')
  t.is(compared, 2)
  t.deepEqual(
    slower.map(({ row }) => row),
    ['startup: c torch'],
  )
  t.deepEqual(leftOut, ['startup: a: no rival, and another machine'])
})

test('what acceptance scripts are not told rightly is named', (t) => {
  for (const [script, name, message] of [
    ['classification', 'nope', /expected one of sst2, .* got nope/],
    ['tagging', 'toString', /expected one of wnut, .* got toString/],
    ['tagging', null, /expected one of wnut, .* got none/],
    ['forecast', 'nope', /expected one of .*, got nope/],
    ['summarise', 'nope', /expected one of rank, extractor, pointer, got nope/],
    ['vectors', null, /expected OUT\.vec/],
  ] as const) {
    const args = [`bench/acceptance/${script}.mjs`, ...(name === null ? [] : [name])]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    t.is(status, 1)
    t.regex(stderr, message)
  }
})
