import { spawnSync } from 'node:child_process'
import test from 'ava'

test('docs/cli.md is what the commands say', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/cli-docs.mjs', '--check'])
  t.is(status, 0, String(stderr))
})
