import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { report } from 'rnnative'
import { rnnative } from '../cli/support.mjs'

const hasTsne = existsSync('node_modules/@keckelt/tsne')
const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const at = (name: string) => join(directory, name)

test('a map has every name, escaped', async (t) => {
  const svg = await report.drawMap([
    { label: 'whale', x: 0, y: 1 },
    { label: '<b>', x: -1, y: 2, group: 'marks' },
  ])
  t.true(svg.includes('>whale<') && svg.includes('>&lt;b&gt;<') && svg.includes('>marks<'))
  await t.throwsAsync(async () => report.drawMap([{ label: 'a', x: NaN, y: 0 }]), {
    code: 'ERR_ARGUMENT',
    message: /points: expected/,
  })
})

const far = Array.from({ length: 24 }, (_, i) =>
  Float32Array.from({ length: 5 }, (_, k) => (i % 2 ? 5 : -5) + Math.sin(7 * i + k)),
)

test('t-SNE keeps neighbours together, the same by a seed; without its package it says so', async (t) => {
  if (!hasTsne) {
    await t.throwsAsync(report.tsne(far), { message: /npm install @keckelt\/tsne/ })
    return
  }
  const places = await report.tsne(far, { iterations: 300, seed: 2 })
  t.deepEqual(await report.tsne(far, { iterations: 300, seed: 2 }), places)
  for (const [i, [x, y]] of places.entries()) {
    const order = places
      .map(([a, b], j) => ({ j, distance: Math.hypot(a - x, b - y) }))
      .sort((a, b) => a.distance - b.distance)
    t.true(order.slice(0, 8).every(({ j }) => j % 2 === i % 2))
  }
})

test('what is no list of vectors is refused', async (t) => {
  if (!hasTsne) return t.pass()
  await t.throwsAsync(report.tsne([[1], [1, 2]]), { message: /vectors: expected lists/ })
  await t.throwsAsync(report.tsne([[1]]), { message: /vectors: expected 2 to/ })
  await t.throwsAsync(report.tsne(far, { iterations: 0 }), { message: /iterations: expected/ })
})

test('embed map writes a page, and a picture', async (t) => {
  writeFileSync(at('words.vec'), 'whale 1 0 0\nship 1 0.1 0\nshop 0 1 1\nhouse 0.1 1 1\n')
  const map = ['embed', 'map', '--vectors', at('words.vec'), '--output']
  const page = await rnnative([...map, at('map.html')])
  t.is(page.code, 0, page.stderr)
  t.true(
    ['whale', 'ship', 'shop'].every((word) => readFileSync(at('map.html'), 'utf8').includes(word)),
  )
  const picture = await rnnative([...map, at('map.svg'), '--words', 'whale, shop'])
  t.is(picture.code, 0, picture.stderr)
  t.false(readFileSync(at('map.svg'), 'utf8').includes('house'))
  const none = await rnnative([...map, at('x.svg'), '--words', 'dog'])
  t.regex(none.stderr, /"dog": has no vector/)
})
