/** Rows that a learner could make nothing of: named by file and line, not learned as something else. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { readDialogues, readLabelled } from 'rnnative'

const directory = mkdtempSync(join(tmpdir(), 'rnnative-'))
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

test('an empty cell is no label, unless cells hold any number of them', async (t) => {
  const path = file('blank.csv', 'label,text\ngood,a joy\n ,a bore\n')
  await t.throwsAsync(async () => await readLabelled(path), {
    code: 'ERR_FORMAT',
    message: `[read] ${path}: line 3: label: expected one, got an empty cell`,
  })
  const several = await readLabelled(path, { labelSeparator: '|' })
  t.deepEqual(
    several.map(({ label }) => label),
    [['good'], []],
  )
})

test('one column of a table is no conversation', async (t) => {
  const path = file('questions.tsv', 'Question\tAnswer\nhello\thi\n')
  for (const turns of ['Question', ['Question']])
    await t.throwsAsync(async () => await readDialogues(path, { turns }), {
      code: 'ERR_ARGUMENT',
      message: /^\[read dialogues\] turns: expected at least two columns of a table, got /,
    })
  t.deepEqual([...(await readDialogues(path, { turns: ['Question', 2] }))], [['hello', 'hi']])
})
