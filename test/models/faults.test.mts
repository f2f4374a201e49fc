/** Every call to the file system fails once, and processes are killed: a saved model is the old or the new one. */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { LanguageModel, type RnnativeError } from 'rnnative'
import { failing } from '../support/faults.mjs'
import { makeModel, temporaryDirectory, weightsOf } from './language/support.mjs'

const same = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b)

for (const code of ['ENOSPC', 'EIO', 'EINVAL', 'EXDEV'])
  test.serial(`${code} at every call of a save`, async (t) => {
    const directory = join(temporaryDirectory(), 'model')
    await using old = makeModel({ hidden: 4, layers: 1 })
    await using other = makeModel({ hidden: 4, layers: 1, seed: 9 })
    const weights = [await weightsOf(old), await weightsOf(other)] as const
    // Until there are fewer calls than the one that was to fail.
    let [n, calls] = [0, 0]
    while (calls >= n++) {
      await old.save(directory)
      fs.writeFileSync(join(directory, 'notes.md'), 'precious')
      let failed: RnnativeError | null = null
      calls = await failing(n, code, () =>
        other.save(directory).catch((error: RnnativeError) => void (failed = error)),
      )
      await using loaded = await LanguageModel.load(directory)
      const own = await weightsOf(loaded)
      t.true(same(own, weights[1]) || (failed !== null && same(own, weights[0])), `call ${n}`)
      if (failed) t.is((failed as RnnativeError).code, 'ERR_IO', `call ${n}`)
      t.is(fs.readFileSync(join(directory, 'notes.md'), 'utf8'), 'precious')
      await other.save(directory)
      const there = fs.readdirSync(directory).sort()
      t.deepEqual(there, ['config.json', 'model.safetensors', 'notes.md', 'tokenizer.json'])
    }
    t.true(calls > 20)
  })

const KILLS = 20

test.serial(`${KILLS} kills in the middle of saving`, async (t) => {
  const directory = join(temporaryDirectory(), 'model')
  const make = (seed: number) => makeModel({ hidden: 4, layers: 1, seed })
  const models = [make(1), make(2)]
  const weights = await Promise.all(models.map(weightsOf))
  const code = `
    import { makeModel } from ${JSON.stringify(resolve('dist-test/models/language/support.mjs'))}
    const models = [1, 2].map((seed) => makeModel({ hidden: 4, layers: 1, seed }))
    console.log('ready')
    for (;;) for (const model of models) await model.save(${JSON.stringify(directory)})`
  for (let i = 0; i < KILLS; ++i) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      env: { ...process.env, RNNATIVE_TEST_CHECKPOINT_DELAY_MS: '2' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    // The first may find the directory empty.
    const written = () => fs.existsSync(join(directory, 'config.json'))
    do await sleep(10 + Math.random() * 60)
    while (!written())
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
    await using loaded = await LanguageModel.load(directory)
    const own = await weightsOf(loaded)
    t.true(
      weights.some((one) => same(one, own)),
      fs.readdirSync(directory).join(' '),
    )
  }
  await models[0]?.save(directory)
  t.deepEqual(fs.readdirSync(directory).sort(), [
    'config.json',
    'model.safetensors',
    'tokenizer.json',
  ])
  await Promise.all(models.map((model) => model.dispose()))
})
