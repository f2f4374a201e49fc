import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = join(directory, 'train.conll')
const packed = join(directory, 'valid.conll.gz')
const lines =
  'Anna\tB-person\nSmith\tI-person\nlikes\tO\nRome\tB-place\n\nBob\tB-person\nsleeps\tO\n\n'
writeFileSync(file, lines.repeat(20))
writeFileSync(packed, gzipSync(lines))

test('tag train, eval and predict work together', async (t) => {
  const model = join(directory, 'model')
  const flags = [
    ...['tag', 'train', '--data', file, '--hidden', 8, '--embedding', 8, '--letter-hidden', 3],
    ...['--characters', 'conv', '--rare-words', 0, '--learning-rate', 0.05, '--json'],
  ]
  const trained = await rnnative([
    ...flags,
    '--valid',
    packed,
    '--epochs',
    8,
    '--checkpoint',
    model,
  ])
  t.is(trained.code, 0, trained.stderr)
  t.like(trained.lines.at(-1), { event: 'end', stopped: 'epochs' })

  const scored = await rnnative(['tag', 'eval', '--model', model, '--data', packed, '--json'])
  t.is(scored.code, 0, scored.stderr)
  t.like(scored.lines[0], { f1: 1, precision: 1, recall: 1, accuracy: 1 })
  t.deepEqual(Object.keys(scored.lines[0]?.['perType'] as object), ['person', 'place'])
  const table = await rnnative([
    'tag',
    'eval',
    '--model',
    model,
    '--data',
    packed,
    '--mode',
    'conlleval',
  ])
  t.regex(table.stdout, /f1 +1\.0000/)

  const columns = await rnnative(['tag', 'predict', '--model', model], {
    input: 'Anna\nSmith\nlikes\nRome\n\n\nBob x\nsleeps x',
  })
  t.is(columns.code, 0, columns.stderr)
  t.is(
    columns.stdout,
    'Anna\tB-person\nSmith\tI-person\nlikes\tO\nRome\tB-place\n\n\nBob x\tB-person\nsleeps x\tO\n',
  )
  const texts = await rnnative(['tag', 'predict', '--model', model, '--text', '--json'], {
    input: 'Anna Smith likes Rome\n\nBob sleeps\n',
  })
  t.is(texts.lines.length, 3)
  t.like((texts.lines[0]?.['entities'] as object[])[0], { type: 'person', start: 0, end: 10 })
  t.deepEqual(texts.lines[1]?.['entities'], [])

  const softmax = join(directory, 'softmax')
  const other = ['--validation-split', 0.2, '--no-crf', '--no-shapes', '--max-steps', 2]
  const plain = await rnnative([...flags, ...other, '--checkpoint', softmax])
  t.is(plain.code, 0, plain.stderr)
  const both = ['--valid', packed, '--validation-split', 0.2, '--checkpoint', softmax]
  t.not((await rnnative([...flags, ...both])).code, 0)
})
