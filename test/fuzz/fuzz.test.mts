/**
 * Every public function by hostile arguments: no error but RnnativeErrors, no crash, no hang. RNNATIVE_FUZZ says how
 * many calls, 4,000 unless given; RNNATIVE_FUZZ_SEED which.
 */
import test from 'ava'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

test('hostile calls', async (t) => {
  t.timeout(3_600_000)
  const cwd = mkdtempSync(path.join(tmpdir(), 'rnnative-fuzz-'))
  t.teardown(() => rmSync(cwd, { recursive: true }))
  const { RNNATIVE_FUZZ: count = '4000', RNNATIVE_FUZZ_SEED: seed = '1' } = process.env
  const script = path.resolve('dist-test/fuzz/calls.mjs')
  const out = await new Promise<string>((resolve) => {
    const options = { cwd, maxBuffer: 2 ** 26 }
    const child = execFile(process.execPath, [script, count, seed], options, (_, stdout, stderr) =>
      resolve(`${stdout}${stderr}${child.signalCode ?? ''}`),
    )
  })
  t.regex(out, new RegExp(`^\\s*${count} calls, 0 failures\\s*$`), out)
})
