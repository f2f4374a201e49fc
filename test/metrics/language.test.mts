import test from 'ava'
import fc from 'fast-check'
import { metrics } from 'rnnative'
import { countCharacters } from '#dist/metrics/language.js'

test('a uniform guess among 8 tokens of 2 characters each', (t) => {
  const score = metrics.languageScore(10 * Math.log(8), 10, 20)
  t.is(score.tokens, 10)
  t.true(Math.abs(score.perplexity - 8) < 1e-12)
  t.true(Math.abs(score.bitsPerToken - 3) < 1e-12)
  t.true(Math.abs(score.bitsPerCharacter - 1.5) < 1e-12)
})

test('characters are code points', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => countCharacters(text) === [...text].length,
    ),
  )
  t.pass()
})
