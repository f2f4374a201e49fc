import test from 'ava'
import { metrics, report } from 'rnnative'

const score = { ...metrics.classification(['a', 'b', 'b'], ['a', '<b>', 'b']), loss: 0.5 }

test('a page on a classifier has its figures, confusion and errors, and nothing of theirs as HTML', (t) => {
  const attention = { tokens: ['<i>', 'fine'], weights: [0.75, 0.25] }
  const html = report.renderClassification({
    ...{ title: 'a & b', score },
    texts: [
      { text: '<i> fine', actual: '<b>', predicted: 'b', probability: 0.25, attention },
      { text: ['<u>', 'x'], actual: ['a', 'b'], predicted: [], probability: 0 },
    ],
  })
  for (const told of [
    'a &amp; b',
    '66.67 %',
    '0.5000',
    '&lt;b&gt;',
    'title="0.7500"',
    '&lt;u&gt; | x',
  ])
    t.true(html.includes(told), told)
  t.false(/<b>|<i>|<u>|<script/.test(html))
  const several = metrics.classification([['a']], [['a', 'b']])
  t.false(report.renderClassification({ title: '', score: several }).includes('Confusion'))
})

test('what is no report is refused by name', (t) => {
  const wrong = { code: 'ERR_ARGUMENT' }
  t.throws(() => report.renderClassification({ title: 'x', score: 5 as never }), {
    ...wrong,
    message: /score/,
  })
  t.throws(() => report.renderClassification({ title: 5 as never, score }), {
    ...wrong,
    message: /title/,
  })
  t.throws(() => report.renderClassification({ title: '', score, texts: [5 as never] }), wrong)
})
