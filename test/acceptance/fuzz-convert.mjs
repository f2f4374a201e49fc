// Reads 10^5 changed files of each foreign format: no crash, no hang, no error that is not ours.
//
//   npm run build:test && node test/acceptance/fuzz-convert.mjs [--count 100000] [--seed 1] [--format torch]
//
// Prints what went wrong, how many were read all the same, and the slowest one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FORMATS, fuzzFormat } from '../../dist-test/fuzz/convert.mjs'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    format: { type: 'string' },
  },
})
const formats = values.format === undefined ? Object.keys(FORMATS) : [values.format]
const directory = mkdtempSync(join(tmpdir(), 'rnnative-fuzz-'))
let failed = false
try {
  for (const format of formats) {
    const [count, seed] = [Number(values.count), Number(values.seed)]
    const { read, wrong, slowest } = await fuzzFormat(format, { count, seed, directory })
    for (const one of wrong.slice(0, 20)) console.log(one)
    console.log(
      `${format}: ${count} files, ${read} read, ${wrong.length} wrong, slowest ${slowest.toFixed(0)} ms`,
    )
    failed ||= wrong.length > 0
  }
} finally {
  rmSync(directory, { recursive: true })
}
process.exitCode = failed ? 1 : 0
