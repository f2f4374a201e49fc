import test from 'ava'
import { rnnative } from './support.mjs'

test('doctor tells versions, cpu and cuda', async (t) => {
  const { code, lines } = await rnnative(['doctor', '--json'])
  t.is(code, 0)
  t.is(lines.length, 1)
  const { versions, cpu, cuda } = lines[0] as Record<string, Record<string, unknown>>
  t.is(versions?.['node'], process.versions.node)
  t.is(typeof cpu?.['isa'], 'string')
  t.true((cpu?.['threads'] as number) >= 1)
  t.true('quota' in (cpu ?? {}))
  t.true(cuda?.['available'] === true || typeof cuda?.['fix'] === 'string')
  t.regex((await rnnative(['doctor'])).stdout, /instruction set/)
})

test('doctor says what keeps the addon from loading', async (t) => {
  const { code, stderr, lines } = await rnnative(['doctor', '--json'], {
    env: { RNNATIVE_BINARY: '/missing.node' },
  })
  t.is(code, 1)
  t.regex(stderr, /^error: the native addon does not load/)
  t.is(lines[0]?.['fix'], 'unset it')
})

test('without a binary that fits, doctor and import say how to build one', async (t) => {
  const [PREBUILDS_ONLY, npm_config_arch] = ['1', 'riscv64']
  const { code, stderr, lines } = await rnnative(['doctor', '--json'], {
    env: { PREBUILDS_ONLY, npm_config_arch },
  })
  t.is(code, 1)
  t.regex(stderr, /no binary for linux-riscv64 with glibc is installed/)
  t.regex(String(lines[0]?.['fix']), /^npm rebuild rnnative .* CMake/)
  const elsewhere = await rnnative(['doctor'], {
    env: { PREBUILDS_ONLY, npm_config_platform: 'win32' },
  })
  t.regex(elsewhere.stderr, /win32 is not supported/)
})

test('doctor says how to get the CUDA backend', async (t) => {
  const { lines } = await rnnative(['doctor', '--json'])
  const { cuda } = lines[0] as Record<string, Record<string, unknown>>
  // Where it was built it lies beside the addon.
  if (cuda?.['library'] !== '') t.is(typeof cuda?.['library'], 'string')
  else t.regex(String(cuda['fix']), /^npm install rnnative-cuda@\d/)
})
