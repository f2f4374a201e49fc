import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { rnnative } from './support.mjs'

test('report gradients: one page of three cells, two ways to begin, clipped or not', async (t) => {
  const page = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'page.html')
  const sizes = ['--steps', 5, '--hidden', 4, '--updates', 3, '--threads', 1]
  const { code, stdout } = await rnnative(['report', 'gradients', '--output', page, ...sizes])
  t.is(code, 0)
  const nets = stdout.trim().split('\n')
  t.is(nets.length, 12)
  t.regex(nets[0] as string, /^RNN, uniform, not clipped: loss \d\.\d+ after 3 updates$/)
  const html = readFileSync(page, 'utf8')
  t.is(html.match(/<svg/g)?.length, 3)
  for (const words of ['orthogonal, clipped', 'dL/dc', 'bound', 'LSTM', 'GRU'])
    t.true(html.includes(words), words)
})

test('report gradients: a page that is none is refused', async (t) => {
  const { code, stderr } = await rnnative(['report', 'gradients', '--output', 'page.pdf'])
  t.is(code, 2)
  t.regex(stderr, /--output.*\.html or \.svg/)
})
