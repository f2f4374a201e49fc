import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { makeText } from '../models/language/support.mjs'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const at = (name: string) => join(directory, name)
writeFileSync(at('text.txt'), `${makeText(900).replaceAll(' and', '\n')}\n`)
writeFileSync(at('held.txt'), `${makeText(90, 2).replaceAll(' and', '\n')} zebra\n`)

test('ngram train, eval and generate, from a directory and from an ARPA file', async (t) => {
  const trained = await rnnative([
    ...['ngram', 'train', '--text', at('text.txt'), '--order', 3, '--prune', '0,0,1'],
    ...['--output', at('model'), '--arpa', at('model.arpa'), '--json'],
  ])
  t.is(trained.code, 0, trained.stderr)
  const [{ ngrams }] = trained.lines as [{ ngrams: number[] }]
  t.is(ngrams.length, 3)
  const scores: Record<string, number>[] = []
  for (const name of ['model', 'model.arpa']) {
    const model = ['--model', at(name)]
    const evaluated = await rnnative([
      'ngram',
      'eval',
      ...model,
      '--text',
      at('held.txt'),
      '--json',
    ])
    t.is(evaluated.code, 0, evaluated.stderr)
    scores.push(evaluated.lines[0] as Record<string, number>)
    const generate = ['ngram', 'generate', ...model, '--seed', 1]
    const written = await rnnative([...generate, '--prompt', 'the', '--length', 5])
    t.regex(written.stdout, /^the\s/)
    const filled = await rnnative([
      ...generate,
      ...['--mcmc', '--template', 'the _ swam _', '--iterations', 20, '--json'],
    ])
    const [drawn] = filled.lines as [{ text: string; acceptance: number }]
    t.regex(drawn.text, /^the \S+ swam \S+$/)
    t.is(drawn.acceptance, 1)
  }
  const [own, read] = scores as [Record<string, number>, Record<string, number>]
  t.is(own['unknown'], 1)
  t.is(own['tokens'], read['tokens'])
  t.true(Math.abs(own['perplexity']! / read['perplexity']! - 1) < 1e-4)
})

test('what is missing or wrong is told in one line', async (t) => {
  const wrong = await rnnative(['ngram', 'eval', '--model', at('none'), '--text', at('held.txt')])
  t.is(wrong.code, 1)
  t.regex(wrong.stderr, /^error: .*none: no such directory \(ERR_IO\)\n$/)
  const order = await rnnative([
    'ngram',
    'train',
    '--text',
    at('text.txt'),
    '--output',
    at('x'),
    '--order',
    9,
  ])
  t.is(order.code, 2)
  t.regex(order.stderr, /from 1 to 7/)
})
