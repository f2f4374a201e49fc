/** Saving a model: what is not ours stays, and whatever fails, the old model is there or the new one. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LanguageModel, RnnativeError, Seq2Seq, Tokenizer } from 'rnnative'
import { fitOptions, makeModel, temporaryDirectory, text, weightsOf } from './language/support.mjs'

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json']

async function holds(t: ExecutionContext, directory: string, model: LanguageModel) {
  await using loaded = await LanguageModel.load(directory)
  t.deepEqual(await weightsOf(loaded), await weightsOf(model))
}

test('a directory of something else is refused and stays as it is', async (t) => {
  const root = temporaryDirectory()
  await using model = makeModel()
  const refused = async (files: Record<string, string>, message: RegExp) => {
    const directory = fs.mkdtempSync(join(root, 'x-'))
    for (const [name, content] of Object.entries(files)) {
      fs.mkdirSync(join(directory, name, '..'), { recursive: true })
      fs.writeFileSync(join(directory, name), content)
    }
    await t.throwsAsync(model.save(directory), { code: 'ERR_ARGUMENT', message })
    for (const [name, content] of Object.entries(files))
      t.is(fs.readFileSync(join(directory, name), 'utf8'), content)
    const there = fs.readdirSync(directory)
    t.deepEqual(there, [...new Set(Object.keys(files).map((name) => name.split('/')[0]))].sort())
  }
  await refused({ 'thesis.txt': 'precious' }, /holds no saved model/)
  await refused({ 'config.json': '{"port":8080}', 'src/main.js': 'x' }, /config.json is not of a/)
  await refused({ 'config.json': '{"model_type":"bert"}' }, /config.json is not of a saved model/)
  await refused({ 'config.json': '{' }, /config.json is not of a saved model/)
  await refused({ 'step-3/lesson.md': 'x' }, /holds no saved model/)
  for (const path of ['', 'a\0b', 5, null, undefined])
    await t.throwsAsync(model.save(path as string), {
      ...{ code: 'ERR_ARGUMENT', message: /^\[save\] directory: expected a path, got / },
    })
})

test('files of others beside a model stay; those of another model go', async (t) => {
  const directory = join(temporaryDirectory(), 'a', 'model')
  await using model = makeModel()
  await using other = new Seq2Seq({
    ...{ source: Tokenizer.bytes(), target: Tokenizer.bytes(), hidden: 4, seed: 1 },
  })
  await model.save(directory)
  t.deepEqual(fs.readdirSync(directory).sort(), FILES)
  fs.writeFileSync(join(directory, 'notes.md'), 'precious')
  await other.save(directory)
  t.deepEqual(fs.readdirSync(directory).sort(), [
    'config.json',
    'model.safetensors',
    'notes.md',
    'source.tokenizer.json',
    'target.tokenizer.json',
  ])
  fs.writeFileSync(join(directory, 'tokenizer.json'), 'precious')
  await t.throwsAsync(model.save(directory), {
    code: 'ERR_ARGUMENT',
    message: /its tokenizer.json/,
  })
  await using loaded = await Seq2Seq.load(directory)
  t.is(loaded.options.hidden, 4)
})

test('the checkpoints of a run stay; what was made last is loaded', async (t) => {
  const directory = join(temporaryDirectory(), 'run')
  const { validation: _, ...options } = fitOptions()
  await using model = makeModel()
  const fit = async (maxSteps: number) => {
    const schedule = undefined
    await model.fit(text, { ...options, schedule, checkpoint: directory, maxSteps, resume: true })
  }
  await model.save(directory)
  await fit(3)
  await holds(t, directory, model)
  await using fresh = makeModel({ seed: 77 })
  await fresh.save(directory)
  await holds(t, directory, fresh)
  await holds(t, join(directory, 'step-3'), model)
  await t.throwsAsync(fresh.save(join(directory, 'step-3')), {
    ...{ code: 'ERR_ARGUMENT', message: /is a checkpoint of a run/ },
  })
  await fit(5)
  t.is(fs.readFileSync(join(directory, 'latest'), 'utf8'), 'step-5\n')
  await holds(t, directory, model)
})

test.serial('links to directories are followed, and the working directory is one', async (t) => {
  const root = temporaryDirectory()
  const before = process.cwd()
  await using model = makeModel()
  await using other = makeModel({ seed: 9 })
  try {
    process.chdir(root)
    fs.mkdirSync('empty')
    await model.save('model')
    fs.symlinkSync('empty', 'a')
    fs.symlinkSync('model', 'b')
    for (const link of ['a', 'b']) {
      await other.save(link)
      t.true(fs.lstatSync(link).isSymbolicLink())
    }
    await holds(t, 'empty', other)
    await holds(t, 'model', other)
    process.chdir('empty')
    await model.save('.')
    await holds(t, '.', model)
  } finally {
    process.chdir(before)
  }
  t.deepEqual(fs.readdirSync(root).sort(), ['a', 'b', 'empty', 'model'])
})

test('a file is written through links; what is no file is refused', async (t) => {
  const root = temporaryDirectory()
  const tokenizer = Tokenizer.bytes()
  fs.mkdirSync(join(root, 'deep'))
  fs.writeFileSync(join(root, 'deep', 'old.json'), 'old', { mode: 0o600 })
  fs.symlinkSync('deep/old.json', join(root, 'link'))
  fs.symlinkSync('deep/new.json', join(root, 'dangling'))
  for (const name of ['link', 'dangling']) {
    await tokenizer.save(join(root, name))
    t.true(fs.lstatSync(join(root, name)).isSymbolicLink())
    await Tokenizer.load(join(root, name))
  }
  t.is(fs.statSync(join(root, 'link')).mode & 0o777, 0o600)
  t.deepEqual(fs.readdirSync(join(root, 'deep')).sort(), ['new.json', 'old.json'])
  const pipe = join(root, 'pipe')
  spawnSync('mkfifo', [pipe])
  const error = { code: 'ERR_ARGUMENT', message: /expected a file, got "a (FIFO|device)"/ }
  await t.throwsAsync(tokenizer.save(pipe), error)
  await t.throwsAsync(tokenizer.save('/dev/null'), error)
  t.true(fs.lstatSync(pipe).isFIFO() && fs.lstatSync('/dev/null').isCharacterDevice())
  await t.throwsAsync(tokenizer.save(join(root, 'deep')), { code: 'ERR_IO', message: /directory/ })
  await t.throwsAsync(tokenizer.save(''), { code: 'ERR_ARGUMENT' })
  // Weights that somebody put elsewhere and linked to.
  await using model = makeModel()
  const directory = join(root, 'model')
  await model.save(directory)
  fs.renameSync(join(directory, 'model.safetensors'), join(root, 'deep', 'weights'))
  fs.symlinkSync('../deep/weights', join(directory, 'model.safetensors'))
  await using other = makeModel({ seed: 9 })
  await other.save(directory)
  t.true(fs.lstatSync(join(directory, 'model.safetensors')).isSymbolicLink())
  await holds(t, directory, other)
})

test('of many saves at once each is whole, and so is what is read meanwhile', async (t) => {
  const directory = join(temporaryDirectory(), 'model')
  const models = [1, 2, 3].map((seed) => makeModel({ seed }))
  const weights = await Promise.all(models.map(weightsOf))
  await models[0]?.save(directory)
  const whole = async () => {
    await using loaded = await LanguageModel.load(directory)
    const own = await weightsOf(loaded)
    t.true(weights.some((one) => JSON.stringify(one) === JSON.stringify(own)))
  }
  await Promise.all([...models.map((model) => model.save(directory)), whole(), whole(), whole()])
  await whole()
  t.deepEqual(fs.readdirSync(directory).sort(), FILES)
  await Promise.all(models.map((model) => model.dispose()))
})

test('what is no directory of a model is told of as such', async (t) => {
  const root = temporaryDirectory()
  const [file, loop] = [join(root, 'file'), join(root, 'loop')]
  fs.writeFileSync(file, 'x')
  fs.symlinkSync(loop, loop)
  for (const path of [file, join(file, 'x'), loop, join(root, 'n'.repeat(300)), join(root, 'none')])
    await t.throwsAsync(LanguageModel.load(path), {
      ...{ code: 'ERR_IO', message: /^\[load\] /, instanceOf: RnnativeError },
    })
})
