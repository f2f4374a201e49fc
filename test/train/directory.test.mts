/** The directory of a run: tried before the first step, one run at a time, and what is not ours stays. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'ava'
import { LanguageModel, optim, type LanguageFitOptions } from 'rnnative'
import {
  fitOptions,
  makeModel,
  temporaryDirectory,
  text,
  weightsOf,
} from '../models/language/support.mjs'

/** A run of a few steps; how many it made, or its error. */
async function fit(options: LanguageFitOptions, model = makeModel()) {
  const { validation: _, schedule: __, ...rest } = fitOptions()
  let steps = 0
  try {
    const run = model.fit(text, { ...rest, maxSteps: 2, ...options })
    for await (const { step } of run) steps = step
    return { steps, code: null, message: '' }
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return { steps, code, message }
  } finally {
    await model.dispose()
  }
}

const tree = (directory: string) => fs.readdirSync(directory, { recursive: true }).sort()

test('a fit that is refused leaves neither its model busy nor its directory locked', async (t) => {
  const checkpoint = temporaryDirectory()
  await using model = makeModel()
  const { validation: _, schedule: __, ...rest } = fitOptions()
  for (const optimizer of [optim.adam, { bind: () => ({}) }]) {
    const options = { ...rest, maxSteps: 2, checkpoint, optimizer: optimizer as never }
    await t.throwsAsync(async () => model.fit(text, options), { code: 'ERR_ARGUMENT' })
    t.false(fs.existsSync(join(checkpoint, '.run.lock')))
  }
  t.is((await model.fit(text, { ...rest, maxSteps: 2, checkpoint })).step, 2)
})

test('a run does not begin in the directory of another, unless it resumes or overwrites', async (t) => {
  const checkpoint = temporaryDirectory()
  t.like(await fit({ checkpoint, maxSteps: 4 }), { steps: 4 })
  const before = tree(checkpoint)
  const refused = await fit({ checkpoint })
  t.like(refused, { steps: 0, code: 'ERR_ARGUMENT' })
  t.regex(refused.message, /holds a run with step-4; resume continues it, overwrite replaces it/)
  t.deepEqual(tree(checkpoint), before)
  // Also where the pointers have been lost.
  for (const pointer of ['latest', 'best']) fs.rmSync(join(checkpoint, pointer))
  t.like(await fit({ checkpoint }), { steps: 0, code: 'ERR_ARGUMENT' })
  fs.writeFileSync(join(checkpoint, 'latest'), 'step-4\n')
  t.like(await fit({ checkpoint, resume: true, overwrite: true }), { code: 'ERR_ARGUMENT' })
  t.like(await fit({ overwrite: true }), { code: 'ERR_ARGUMENT' })
  t.like(await fit({ checkpoint, resume: true, maxSteps: 6 }), { steps: 6 })
  const model = makeModel({ seed: 5 })
  t.like(await fit({ checkpoint, overwrite: true }, model), { steps: 2 })
  t.deepEqual(fs.readdirSync(checkpoint).sort(), ['best', 'latest', 'step-2'])
  await using loaded = await LanguageModel.load(checkpoint)
  t.is(loaded.seed, 5)
})

test('what rnnative did not write stays, whatever it is called', async (t) => {
  const checkpoint = temporaryDirectory()
  const foreign = ['step-1/lesson.md', 'step-2/state.json', 'step-10/a.txt', 'notes.md']
  for (const name of foreign) {
    fs.mkdirSync(join(checkpoint, name, '..'), { recursive: true })
    fs.writeFileSync(join(checkpoint, name), 'precious')
  }
  fs.mkdirSync(join(checkpoint, '.step-9.tmp-mine'))
  t.like(await fit({ checkpoint }), { steps: 2 })
  t.is(fs.readFileSync(join(checkpoint, 'latest'), 'utf8'), 'step-2-1\n')
  fs.writeFileSync(join(checkpoint, 'step-2-1', 'why.md'), 'precious')
  t.like(await fit({ checkpoint, resume: true, maxSteps: 3 }), { steps: 3 })
  for (const name of [...foreign, 'step-2-1/why.md'])
    t.is(fs.readFileSync(join(checkpoint, name), 'utf8'), 'precious', name)
  t.deepEqual(fs.readdirSync(join(checkpoint, 'step-2-1')), ['why.md'])
  t.true(fs.existsSync(join(checkpoint, '.step-9.tmp-mine')))
})

test('two runs do not have one directory; a run that was killed does not keep it', async (t) => {
  const checkpoint = temporaryDirectory()
  await using first = makeModel()
  const run = first.fit(text, { ...fitOptions(), checkpoint, maxSteps: 1e6 })
  for await (const { step } of run) {
    if (step < 3) continue
    const second = await fit({ checkpoint, resume: true })
    t.like(second, { steps: 0, code: 'ERR_BUSY' })
    t.true(second.message.includes(`process ${process.pid} `), second.message)
    break
  }
  const names = fs.readdirSync(checkpoint)
  t.false(names.includes('.run.lock'))
  const { pid } = spawnSync('true')
  const killed = { pid, host: String(spawnSync('hostname').stdout).trim(), started: null }
  fs.writeFileSync(join(checkpoint, '.run.lock'), JSON.stringify(killed))
  t.like(await fit({ checkpoint, overwrite: true }), { steps: 2 })
  t.false(fs.readdirSync(checkpoint).includes('.run.lock'))
})

test('a directory that cannot be written in is an error before the first step', async (t) => {
  const root = temporaryDirectory()
  fs.writeFileSync(join(root, 'file'), '')
  fs.symlinkSync('nowhere', join(root, 'dangling'))
  for (const [checkpoint, code, message] of [
    ['', 'ERR_ARGUMENT', /checkpoint: expected a path, got ""/],
    [5, 'ERR_ARGUMENT', /checkpoint: expected a path, got 5/],
    [null, 'ERR_ARGUMENT', /checkpoint: expected a path, got null/],
    [join(root, 'file'), 'ERR_IO', /file is not a directory/],
    [join(root, 'file', 'below'), 'ERR_IO', /a part of the path is not a directory/],
    [join(root, 'dangling'), 'ERR_IO', /is a link to what does not exist/],
    ['/proc/rnnative/run', 'ERR_IO', /no directory can be made in \/proc/],
  ] as [string, string, RegExp][]) {
    const ended = await fit({ checkpoint })
    t.like(ended, { steps: 0, code }, ended.message)
    t.regex(ended.message, message)
  }
  // Nothing is left of a run that did not begin.
  t.like(await fit({ checkpoint: join(root, 'a', 'b'), maxSteps: -1 }), { code: 'ERR_ARGUMENT' })
  t.false(fs.existsSync(join(root, 'a')))
})

const CAN_MOUNT = spawnSync('unshare', ['-m', 'true']).status === 0

;(CAN_MOUNT ? test : test.skip)(
  'file systems that are read-only or full are named before the first step; a mount takes a model',
  async (t) => {
    const root = temporaryDirectory()
    for (const name of ['ro', 'full', 'vol']) fs.mkdirSync(join(root, name))
    const script = `
      const { LanguageModel, Tokenizer } = require(${JSON.stringify(resolve('dist/index.js'))})
      const model = new LanguageModel({ tokenizer: Tokenizer.bytes(), layers: 1, hidden: 4, seed: 1 })
      const text = 'a cat sat on a mat '.repeat(60)
      const told = async (name, work) => console.log(name, await work.then(() => 'done', (e) => e.code + ' ' + e.message))
      void (async () => {
        for (const name of ['ro', 'ro/x', 'full']) {
          await told(name, model.fit(text, { checkpoint: name, maxSteps: 1, batch: 4, steps: 10 }))
          await told(name, model.save(name))
        }
        await told('vol', model.save('vol'))
        await told('vol again', model.save('vol'))
        await LanguageModel.load('vol')
      })()`
    fs.writeFileSync(join(root, 'run.cjs'), script)
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        ...['-m', 'sh', '-ec'],
        `mount --bind ro ro; mount -o remount,ro,bind ro
         mount -t tmpfs -o size=4k,nr_inodes=9 t full; head -c 4096 /dev/zero > full/zeros
         mount -t tmpfs t vol
         ${process.execPath} run.cjs`,
      ],
      { cwd: root },
    )
    const lines = String(stdout).trim().split('\n')
    t.is(lines.length, 8, String(stderr))
    for (const line of lines.slice(0, 4))
      t.regex(line, /^ro.* ERR_IO .*the file system is read-only/)
    t.regex(lines[4] ?? '', /^full ERR_IO .*no space left/)
    t.regex(lines[5] ?? '', /^full ERR_(ARGUMENT|IO)/)
    t.deepEqual(lines.slice(6), ['vol done', 'vol again done'])
    t.is(String(stderr), '')
  },
)

test('a fit that ends early lets go of its directory', async (t) => {
  const checkpoint = temporaryDirectory()
  const model = makeModel()
  const run = model.fit(text, { ...fitOptions(), checkpoint, maxSteps: 1e6 })
  for await (const { step } of run) if (step === 2) break
  t.false(fs.existsSync(join(checkpoint, '.run.lock')))
  await using saved = await LanguageModel.load(checkpoint)
  t.deepEqual(await weightsOf(saved), await weightsOf(model))
  await model.dispose()
})
