import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}
const rows = 'good,a joy,to watch\nbad,a bore,and long\ngood,joy,and wit\nbad,long,and dull\n'
const data = file('reviews.csv', `mark,title,body\n${rows}`)
const columns = ['--data', data, '--text-column', 'title,3', '--label-column', 'mark']

test('classify baseline, and eval and predict of what it saved', async (t) => {
  for (const kind of ['naive-bayes', 'max-ent']) {
    const checkpoint = join(directory, kind)
    const learned = await rnnative([
      ...['classify', 'baseline', '--kind', kind, ...columns, '--checkpoint', checkpoint],
      ...['--ngrams', '1,2', '--weighting', 'binary', '--valid', data, '--json'],
    ])
    t.is(learned.code, 0, learned.stderr)
    t.like(learned.lines[0], { examples: 4, validation: { accuracy: 1, labels: ['bad', 'good'] } })
    const model = ['--model', checkpoint]
    const scored = await rnnative(['classify', 'eval', ...model, ...columns, '--json'])
    t.like(scored.lines[0], {
      accuracy: 1,
      macroF1: 1,
      confusion: [
        [2, 0],
        [0, 2],
      ],
    })
    const input = 'a joy\tfor all\nlong\n\n'
    const { stdout } = await rnnative(['classify', 'predict', ...model, '--top', 1], { input })
    t.regex(stdout, /^good\t0\.\d{6}\nbad\t0\.\d{6}\n\w+\t0\.\d{6}\n$/)
    const { lines } = await rnnative(['classify', 'predict', ...model, '--json'], { input })
    t.is((lines[0] as { terms: { term: string }[] }).terms[0]!.term, 'joy')
  }
  const wrong = ['--kind', 'max-ent', '--variant', 'complement', '--checkpoint', 'x']
  const { code, stderr } = await rnnative(['classify', 'baseline', ...columns, ...wrong])
  t.is(code, 1)
  t.regex(stderr, /\[MaxEnt\] variant: is no option here/)
})

test('keywords: of each file beside the others, or of one by its lines', async (t) => {
  const tales = file('tales.txt', 'the fox and the hen\nthe fox ran\n')
  const songs = file('songs.txt', 'the sea and the wind\n\nthe sea sang\n')
  const { stdout, code } = await rnnative(['keywords', tales, songs, '--top', 1])
  t.is(code, 0)
  t.regex(stdout, /^\S+tales\.txt\tfox\t0\.\d{4}\n\S+songs\.txt\tsea\t0\.\d{4}\n$/)
  const { lines } = await rnnative(['keywords', '-', '--json'], { input: '大海 大海\n小山\n' })
  t.like(lines[0], { file: '-' })
})
