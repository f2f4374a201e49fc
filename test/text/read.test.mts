import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { readBytes, readLines, readText } from 'rnnative'
import { unpack } from '#dist/text/read.js'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

test('plain and gzip files are read, whatever their names', async (t) => {
  t.is(await readText(file('plain.gz', 'größer')), 'größer')
  t.is(await readText(file('zipped.txt', gzipSync('größer'))), 'größer')
  t.deepEqual([...(await readBytes(file('raw', Uint8Array.of(0xff, 0))))], [0xff, 0])
})

test('unreadable, empty, damaged and undecodable files have codes', async (t) => {
  const rejects = (path: string, code: string) =>
    t.throwsAsync(readText(path), { code, message: new RegExp(path.replaceAll('.', '\\.')) })
  await rejects(join(directory, 'missing.txt'), 'ERR_IO')
  await rejects(directory, 'ERR_IO')
  await rejects(file('empty.txt', ''), 'ERR_EMPTY')
  await rejects(file('empty.gz', gzipSync('')), 'ERR_EMPTY')
  await rejects(file('torn.gz', gzipSync('text'.repeat(1000)).subarray(0, 30)), 'ERR_FORMAT')
  await rejects(file('latin1.txt', Uint8Array.of(0x67, 0x72, 0xf6)), 'ERR_FORMAT')
})

test('a line that is not UTF-8 is named', async (t) => {
  const bytes = Buffer.concat([Buffer.from('é\n\nb'), Uint8Array.of(0xff), Buffer.from('\n')])
  const expected = { code: 'ERR_FORMAT', message: /odd\.txt: line 3: not valid UTF-8/ }
  await t.throwsAsync(readText(file('odd.txt', bytes)), expected)
})

test('lines end with LF, CR LF, or a CR at the end of the text', async (t) => {
  const lines = (text: string) => readLines(file('lines.txt', text))
  t.deepEqual(await lines('\ufeffa\r\n\nb\rc\n'), ['a', '', 'b\rc'])
  t.deepEqual(await lines('a\r\nb\r'), ['a', 'b'])
  t.deepEqual(await lines('\n'), [''])
})

test('what a gzip file unpacks to is bounded', async (t) => {
  const zeros = gzipSync(new Uint8Array(3_000_000))
  t.is((await unpack(zeros, 'x', 3_000_000)).length, 3_000_000)
  await t.throwsAsync(unpack(zeros, 'x', 2_999_999), {
    ...{ code: 'ERR_FORMAT', message: '[read] x: unpacks to more than 2999999 bytes' },
  })
})
