/** Where commands write is tried before they work, and no model is replaced without a word. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { rnnative } from './support.mjs'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const at = (name: string) => join(directory, name)
const taken = at('a-file')
writeFileSync(taken, 'mine')
writeFileSync(at('data.csv'), 'label,text\ngood,a joy\nbad,a bore\ngood,joy\nbad,long\n')
writeFileSync(at('text.txt'), 'a joy to see\na bore and long\n'.repeat(20))

const data = ['--data', at('data.csv')]
const text = ['--text', at('text.txt')]

/** Commands that learn in one go; the last word is where to. */
const LEARNING = {
  baseline: ['classify', 'baseline', '--kind', 'naive-bayes', ...data, '--checkpoint'],
  fasttext: ['classify', 'fasttext', '--dim', 4, ...data, '--checkpoint'],
  ngram: ['ngram', 'train', '--order', 2, ...text, '--output'],
  embed: ['embed', 'train', '--dim', 4, '--epochs', 1, ...text, '--output'],
}

for (const [name, command] of Object.entries(LEARNING))
  test(`${name}: a model is not replaced unless it is asked for`, async (t) => {
    const model = at(`${name}-model`)
    t.is((await rnnative([...command, model])).code, 0)
    const before = readFileSync(join(model, 'config.json'), 'utf8')
    const second = await rnnative([...command, model])
    t.is(second.code, 1)
    t.regex(second.stderr, /\[save\] .*: holds a model; overwrite replaces it/)
    t.is(readFileSync(join(model, 'config.json'), 'utf8'), before)
    const third = await rnnative([...command, model, '--overwrite'])
    t.is(third.code, 0, third.stderr)
  })

test('what cannot be written is told before anything is read, and nothing is left', async (t) => {
  const missing = (command: readonly (string | number)[]) =>
    command.map((word) =>
      [at('data.csv'), at('text.txt')].includes(String(word)) ? at('none') : word,
    )
  for (const command of Object.values(LEARNING)) {
    const { code, stderr } = await rnnative([...missing(command), join(taken, 'model')])
    t.is(code, 1)
    t.regex(stderr, /a part of the path is not a directory/)
    const unread = await rnnative([...missing(command), at('new')])
    t.is(unread.code, 1)
    t.false(existsSync(at('new')))
  }
  const arpa = await rnnative([...missing(LEARNING.ngram), at('new'), '--arpa', join(taken, 'x')])
  t.regex(arpa.stderr, /\[write\] .*: a part of the path is not a directory/)
  const report = ['classify', 'eval', '--model', at('none'), '--data', at('none'), '--report']
  t.regex(
    (await rnnative([...report, join(taken, 'x.html')])).stderr,
    /\[write\] .*a part of the path/,
  )
  const gradients = await rnnative(['report', 'gradients', '--output', join(taken, 'x.html')])
  t.regex(gradients.stderr, /\[write\] .*a part of the path/)
  t.deepEqual(readFileSync(taken, 'utf8'), 'mine')
  t.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith('.')),
    [],
  )
})

test('flags that mean nothing beside others are refused by name', async (t) => {
  const cases: [readonly (string | number)[], RegExp][] = [
    [
      ['embed', 'map', '--vectors', 'v', '--output', 'x.svg', '--seed', 3],
      /--seed: only of --method tsne/,
    ],
    [
      ['ngram', 'generate', '--model', 'm', '--method', 'metropolis-hastings'],
      /--method: only together with --template/,
    ],
    [
      ['ngram', 'generate', '--model', 'm', '--template', 'a _', '--top-k', 3],
      /--top-k: expected none with --template/,
    ],
    [
      ['forecast', 'predict', '--model', 'm', '--data', 'd', '--history', 3],
      /--history: only together with --plot/,
    ],
    [
      ['summarize', '--method', 'lead', '--precision', 'bf16'],
      /--precision: expected none with lead/,
    ],
    [
      ['summarize', '--method', 'textrankk'],
      /--method: there is no directory textrankk; did you mean textrank\?/,
    ],
    [
      ['chat', '--model', 'm', '--penalty-tokens', 3],
      /--penalty-tokens: only together with --penalty/,
    ],
    [['chat', '--model', 'm', '--temperature', 1], /--temperature: only together with --sample/],
    [
      [...LEARNING.embed, at('none'), '--algorithm', 'dm'],
      /algorithm: expected none without --model doc2vec/,
    ],
    [
      [...LEARNING.embed, at('none'), '--loss', 'hierarchical', '--negative', 3],
      /negative: expected none without the loss negative/,
    ],
    [
      [
        'classify',
        'train',
        ...data,
        '--unit',
        'word',
        '--checkpoint',
        at('none'),
        '--prune-scope',
        'global',
      ],
      /--prune-scope: only together with --prune/,
    ],
    [
      [
        'classify',
        'train',
        ...data,
        '--unit',
        'word',
        '--checkpoint',
        at('none'),
        '--cut',
        'beginning',
      ],
      /cut: expected none without maxLength/,
    ],
  ]
  for (const [command, message] of cases) {
    const { code, stderr } = await rnnative(command, { input: '' })
    t.is(code, 1, command.join(' '))
    t.regex(stderr, message, command.join(' '))
    t.is(stderr.trim().split('\n').length, 1)
  }
})
