import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { report } from 'rnnative'

test('a report is one page without scripts or links, and what it shows is escaped', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'runs', 'report.html')
  const training = Array.from({ length: 5000 }, (_, i) => ({
    step: i + 1,
    loss: 4 / Math.sqrt(i + 1),
  }))
  await report.writeReport(path, {
    title: 'Whales & <ships>',
    curves: { training, validation: [{ step: 5000, loss: 1.5 }] },
    results: { 'validation loss': 1.5 },
    settings: { cell: 'lstm', 'tie weights': false },
    sample: { prompt: 'Call <me>', text: '</pre><script>alert("1")</script>' },
    examples: [{ source: 'read', output: 'R <EH> D', references: ['R EH D', 'R IY D'] }],
    attention: [{ source: ['r', '<img>'], target: ['R'], weights: [[0.25, 0.75]] }],
  })
  const page = readFileSync(path, 'utf8')
  t.regex(page, /<svg[^]*<path[^]*<\/svg>/)
  t.true(page.includes('Whales &amp; &lt;ships&gt;'))
  t.true(page.includes('Call &lt;me&gt;'))
  t.true(page.includes('<td>R &lt;EH&gt; D</td><td>R EH D | R IY D</td>'))
  t.is(page.match(/<svg/g)?.length, 2)
  t.true(page.includes('&lt;img&gt;</text>'))
  t.false(/<script|<link|<img|src=|href="http/.test(page))
  t.true(page.length < 100_000)
  await t.throwsAsync(
    report.writeReport(join(path, 'below-a-file.html'), {
      title: '',
      curves: { training: [], validation: [] },
      results: {},
      settings: {},
    }),
    { code: 'ERR_IO' },
  )
})
