import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const corpus = join(directory, 'corpus')
mkdirSync(corpus)
writeFileSync(
  join(corpus, 'talk.yml'),
  'conversations:\n- - hello\n  - hi\n  - who are you\n  - a program\n- - bye\n  - see you\n',
)
const questions = join(directory, 'questions.tsv')
writeFileSync(questions, 'Question\tAnswer\ndo you like tea\tyes\ndo you like rain\tno\n')
const bot = join(directory, 'bot')

test.serial('dialogue train, eval and chat: a line out for each line in', async (t) => {
  const trained = await rnnative([
    ...['dialogue', 'train', '--data', `${corpus},${questions}`, '--unit', 'space', '--hidden', 24],
    ...['--cell', 'gru', '--batch-tokens', 30, '--learning-rate', 0.02, '--epochs', 150],
    ...['--checkpoint', bot, '--json'],
  ])
  t.is(trained.code, 0, trained.stderr)
  const model = ['--model', bot]
  const data = ['--data', `${corpus},${questions}`]
  const scored = await rnnative(['dialogue', 'eval', ...model, ...data, '--json'])
  t.is(scored.code, 0, scored.stderr)
  const [score = {}] = scored.lines
  t.like(score, { lines: 6, exact: 100 })
  for (const name of ['nats', 'perplexity', 'tokens', 'distinct1', 'distinct2'])
    t.is(typeof score[name], 'number', name)
  const table = await rnnative(['dialogue', 'eval', ...model, ...data])
  t.regex(table.stdout, /exact[^]*distinct-2/)

  const input = 'hello\nwho are you\n\nbye\ndo you like rain'
  const talked = await rnnative(['chat', ...model], { input })
  t.is(talked.code, 0, talked.stderr)
  const [first, second, none, third, ...rest] = talked.stdout.split('\n')
  t.deepEqual([first, second, none, third], ['hi', 'a program', '', 'see you'])
  t.is(rest.length, 2)
  const alone = await rnnative(['chat', ...model, '--alone', '--penalty', 0.1], { input })
  t.is(alone.stdout.split('\n')[4], 'no')
  const slow = await rnnative(['chat', ...model], { pieces: ['hello\nwho ', 'are you\n'] })
  t.is(slow.stdout, 'hi\na program\n')
  const drawn = ['chat', ...model, '--sample', '--seed', 3, '--temperature', 0.7]
  const draws = await Promise.all([1, 2].map(() => rnnative(drawn, { input })))
  t.is(draws[0]?.stdout, draws[1]?.stdout)
  t.is(draws[0]?.stdout.split('\n').length, 6)
})

test.serial('what is wrong is told in a line', async (t) => {
  const fails = async (args: readonly (string | number)[], message: RegExp) => {
    const { code, stderr } = await rnnative(args, { input: 'hello\n' })
    t.not(code, 0)
    t.regex(stderr, message)
    t.is(stderr.trim().split('\n').length, 1)
  }
  await fails(['chat', '--model', bot, '--top-k', 3], /--sample/)
  await fails(['chat', '--model', bot, '--sample', '--beam', 3], /--beam/)
  await fails(['chat', '--model', join(directory, 'none')], /no such directory/)
  const train = ['dialogue', 'train', '--unit', 'word', '--checkpoint', join(directory, 'x')]
  await fails([...train, '--data', join(directory, 'none.yml')], /none\.yml/)
  const plain = join(directory, 'talk.txt')
  writeFileSync(plain, 'only one column\n')
  await fails([...train, '--data', plain], /column/)
})
