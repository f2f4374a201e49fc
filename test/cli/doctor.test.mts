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
  t.is(typeof lines[0]?.['fix'], 'string')
})
