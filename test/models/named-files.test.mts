/** Files of a model that do not fit each other: the one that does not is named, as damaged. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Dialogue, TextClassifier } from 'rnnative'

const temporary = () => join(mkdtempSync(join(tmpdir(), 'rnnative-')), 'model')

const rewrite = (path: string, change: (json: Record<string, unknown>) => void) => {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  change(json)
  writeFileSync(path, JSON.stringify(json))
}

test('weights of other sizes than config.json asks for', async (t) => {
  const directory = temporary()
  const examples = ['good a', 'bad b'].map((line) => ({ text: line, label: line.slice(0, 3) }))
  await using classifier = await TextClassifier.for(examples, { unit: 'space', hidden: 4, seed: 1 })
  await classifier.save(directory)
  rewrite(join(directory, 'config.json'), (config) => (config['hidden'] = 5))
  const error = await t.throwsAsync(TextClassifier.load(directory), { code: 'ERR_FORMAT' })
  const begins = `[load] ${join(directory, 'model.safetensors')}: other weights than config.json asks for: rnn.weight_ih_l0: expected [20,`
  t.is(error?.message.slice(0, begins.length), begins)
  // What the caller asks for is no fault of the files.
  await t.throwsAsync(TextClassifier.load(directory, { precision: 'f8' as never }), {
    code: 'ERR_ARGUMENT',
    message: /precision: expected/,
  })
})

test('a tokenizer that a model cannot have', async (t) => {
  const directory = temporary()
  await using bot = await Dialogue.for([['a', 'b']], { unit: 'word', hidden: 4, seed: 1 })
  await bot.save(directory)
  rewrite(join(directory, 'tokenizer.json'), (tokenizer) => (tokenizer['added_tokens'] = []))
  const error = await t.throwsAsync(Dialogue.load(directory), { code: 'ERR_FORMAT' })
  t.true(error?.message.startsWith(`[load] ${directory}`), error?.message)
})
