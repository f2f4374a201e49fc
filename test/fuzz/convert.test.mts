/** A few of the mutations that test/acceptance/fuzz-convert.mjs makes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { FORMATS, fuzzFormat } from './convert.mjs'

for (const format of Object.keys(FORMATS))
  test.serial(`changed files end in errors of ours: ${format}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'rnnative-fuzz-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const { wrong } = await fuzzFormat(format, { count: 300, seed: 1, directory })
    t.deepEqual(wrong, [])
  })
