import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { report } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
/** What each text element of an SVG says. */
const texts = (svg: string) => Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, x]) => x)
/** Those of an attention map's tokens, which come after the legend. */
const tokens = (svg: string) => texts(svg).slice(texts(svg).indexOf('weight') + 1)

test('an attention map has a cell for each weight and every token as it is, escaped', async (t) => {
  const source = ['the', ' whale', 'the', '我喜欢', '<b>&', 'é\u0301']
  const target = ['der', 'Wal', '\n', ' ', 'a\u0000b\ud800', '\u202eabc']
  const weights = target.map((_, y) => source.map((_, x) => (x === y ? 0.75 : 0.05)))
  const svg = await report.drawAttention({ source, target, weights })
  const labels = tokens(svg)
  const of = ['the', 'whale', 'the', '我喜欢', '&lt;b&gt;&amp;', 'é\u0301']
  t.deepEqual(labels.slice(0, 6), of)
  t.deepEqual(labels.slice(6, 12), ['der', 'Wal', '⏎', '␣', 'a\ufffdb\ufffd', '\ufffdabc'])
  const cells = svg.match(/<path aria-label="[^"]*" role="graphics-symbol"/g) ?? []
  t.is(cells.length, 36)
  t.true(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') || svg.includes('xmlns='))
  // eslint-disable-next-line no-control-regex
  t.notRegex(svg, /[\u0000-\u0008\ud800-\udfff]/u)
})

test('a long sentence keeps a label for each token', async (t) => {
  const source = Array.from({ length: 70 }, (_, i) => `w${i}`)
  const svg = await report.drawAttention({ source, target: ['x'], weights: [source.map(() => 0)] })
  t.deepEqual(tokens(svg), [...source, 'x'])
})

test('weights that do not fit the tokens are refused', async (t) => {
  const [source, target] = [['a', 'b'], ['c']]
  const draw = (weights: number[][]) => report.drawAttention({ source, target, weights })
  await t.throwsAsync(draw([]), { code: 'ERR_SHAPE', message: /\[1, 2\], got \[0, 2\]/ })
  await t.throwsAsync(draw([[1]]), { code: 'ERR_SHAPE', message: /\[1, 2\], got \[1, 1\]/ })
  await t.throwsAsync(draw([[1, NaN]]), { code: 'ERR_NONFINITE' })
})

test('principal components: known axes, their variances, and the sign', (t) => {
  // Along (3, 4) / 5 with spread 2, across it with spread 1, and constant elsewhere.
  const points = [
    [2, 0],
    [-2, 0],
    [0, 1],
    [0, -1],
  ].map(([a = 0, b = 0]) => [0.6 * a - 0.8 * b + 7, 0.8 * a + 0.6 * b - 3, 5])
  const { coordinates, explained } = report.pca(points, 3)
  const near = (a: number, b: number) => Math.abs(a - b) < 1e-6
  t.true(near(explained[0] as number, 0.8) && near(explained[1] as number, 0.2))
  t.true(near(explained[2] as number, 0))
  t.true(near(coordinates[0]?.[0] as number, 2) && near(coordinates[1]?.[0] as number, -2))
  t.true(near(Math.abs(coordinates[2]?.[1] as number), 1))
})

test('principal components: as many as dimensions keep all distances', (t) => {
  const vectors = fc.array(
    fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 3 }),
    { minLength: 1, maxLength: 12 },
  )
  const distance = (a: number[] = [], b: number[] = []) =>
    Math.hypot(...a.map((value, i) => value - (b[i] as number)))
  fc.assert(
    fc.property(vectors, (all) => {
      const { coordinates, explained } = report.pca(all, 3)
      const [one = 0, two = 0, three = 0] = explained
      // Variances that are nearly equal may come in any order.
      t.true(one >= two - 1e-4 && two >= three - 1e-4)
      for (let i = 1; i < all.length; ++i) {
        const expected = distance(all[0], all[i])
        t.true(
          Math.abs(distance(coordinates[0], coordinates[i]) - expected) < 1e-6 + 1e-6 * expected,
        )
      }
    }),
  )
  for (const size of [1e-200, 1e200])
    t.deepEqual(report.pca([[0], [2 * size]], 1), {
      coordinates: [[-size], [size]],
      explained: [1],
    })
  t.deepEqual(report.pca([[1, 2]]), { coordinates: [[0, 0]], explained: [0, 0] })
  t.throws(() => report.pca([]), { code: 'ERR_EMPTY' })
  t.throws(() => report.pca([[]]), { code: 'ERR_EMPTY' })
  t.throws(() => report.pca([[1, 2], [1]]), { code: 'ERR_SHAPE' })
  t.throws(() => report.pca([[1, Infinity]]), { code: 'ERR_NONFINITE' })
  t.throws(() => report.pca([[1]], 0), { code: 'ERR_ARGUMENT' })
})

test('sentences are points with labels, coloured by group', async (t) => {
  const labels = ['Mary admires John', 'John admires Mary', '<i>我', 'x']
  const vectors = labels.map((_, i) => Float32Array.of(i, i * i, 1))
  const svg = await report.drawSentences({ vectors, labels, groups: ['a', 'b', 'a', 'b'] })
  const shown = texts(svg)
  for (const label of ['Mary admires John', 'John admires Mary', '&lt;i&gt;我', 'x', 'a', 'b'])
    t.true(shown.includes(label), label)
  t.true(shown.some((text) => /^component 1 \(\d+ % of the variance\)$/.test(text ?? '')))
  await report.drawSentences({ vectors: [[1, 2]], labels: ['alone'] })
  await t.throwsAsync(report.drawSentences({ vectors, labels: ['a'] }), { code: 'ERR_SHAPE' })
  await t.throwsAsync(report.drawSentences({ vectors, labels, groups: [] }), { code: 'ERR_SHAPE' })
})

test('figures are written as a page, or one as an image', async (t) => {
  const svg = await report.drawAttention({ source: ['a'], target: ['b'], weights: [[1]] })
  const path = join(directory, 'new', 'page.html')
  await report.writeFigures(path, 'A & B', [{ svg, caption: 'x < y' }, { svg }])
  const page = readFileSync(path, 'utf8')
  t.true(page.includes('<title>A &amp; B</title>') && page.includes('x &lt; y</figcaption>'))
  t.is(page.match(/<svg/g)?.length, 2)
  t.false(/<script|<link|src=|href="http/.test(page))
  const image = join(directory, 'image.SVG')
  await report.writeFigures(image, '', [{ svg }])
  t.is(readFileSync(image, 'utf8'), svg)
  const two = report.writeFigures(image, '', [{ svg }, { svg }])
  await t.throwsAsync(two, { code: 'ERR_ARGUMENT' })
})
