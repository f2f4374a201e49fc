import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { readBytes, readText } from 'rnnative'

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
