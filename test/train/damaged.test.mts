/** Checkpoints that something else than a run has changed: refused by file and field, or as they were. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { io, optim, type nn } from 'rnnative'
import { fromJson } from '#dist/train/finite-json.js'
import { parseSavedRun } from '#dist/train/saved-run.js'
import { examples, feedOf, makeTrainer, settings, Tagger } from './tagger.mjs'
import {
  fitOptions,
  makeModel,
  temporaryDirectory,
  text as sea,
} from '../models/language/support.mjs'

type Json = Record<string, unknown>

const train = async (checkpoint: string, maxSteps: number) => {
  using tagger = new Tagger()
  const schedule = optim.schedule.plateau()
  const trainer = makeTrainer(tagger, { feed: feedOf(examples), validate: feedOf(examples) })
  const often = { evaluateEvery: 2, checkpointEvery: 2, schedule }
  return await trainer.fit({ ...settings, ...often, checkpoint, maxSteps, resume: true })
}

const directory = temporaryDirectory()
const path = join(directory, 'step-4', 'state.json')
let text = ''

test.before(async () => {
  await train(directory, 4)
  text = readFileSync(path, 'utf8')
})

const read = (change: (state: Json) => void): unknown => {
  const state = JSON.parse(text) as Json
  change(state)
  return parseSavedRun(fromJson(state), path)
}

/** The places of all that is no object, and of objects that are looked into. */
function* places(json: Json, prefix: string[] = []): Generator<string[]> {
  for (const [name, value] of Object.entries(json)) {
    const at = [...prefix, name]
    yield at
    const isFree = ['identity', 'settings', 'options', 'files', 'best'].includes(name)
    if (typeof value === 'object' && value !== null && !isFree) yield* places(value as Json, at)
  }
}

const put = (state: Json, at: readonly string[], value: unknown): void => {
  const owner = at.slice(0, -1).reduce((one, name) => one[name] as Json, state)
  if (value === undefined) delete owner[at.at(-1) as string]
  else owner[at.at(-1) as string] = value
}

/** What may be absent, since earlier versions did not write it. */
const LATER = [
  'files',
  'settings',
  'progress.owed',
  'progress.stepsPerEpoch',
  'progress.least',
  'average',
  'optimizer.hyperparameters.lazy',
]
LATER.push(
  'progress.best',
  'schedule.state',
  ...['factor', 'bad', 'best'].map((x) => `schedule.state.${x}`),
)

const kindOf = (x: unknown) => (Array.isArray(x) ? 'list' : x === null ? 'null' : typeof x)
const NULLABLE = ['progress.stepsPerEpoch', 'progress.best', 'progress.least', 'average']

test('every field of state.json is looked at and named', (t) => {
  t.notThrows(() => read(() => undefined))
  const refused = (at: readonly string[], wrong: unknown) => {
    const error = t.throws(() => read((state) => put(state, at, wrong)), { code: 'ERR_FORMAT' })
    const name = at[1] === 'state' ? 'schedule.state' : at.join('.')
    t.true(error?.message.startsWith(`[resume] ${path}: `), error?.message)
    t.true(error?.message.includes(`${name}: expected `), `${at.join('.')}: ${error?.message}`)
  }
  for (const at of places(JSON.parse(text) as Json)) {
    const name = at.join('.')
    const own = at.reduce<unknown>((one, key) => (one as Json)[key], JSON.parse(text))
    for (const wrong of [undefined, null, true, 'x', 7, [], {}]) {
      const may = wrong === undefined ? LATER : wrong === null ? NULLABLE : []
      if (may.includes(name) || kindOf(wrong) === kindOf(own)) continue
      if (kindOf(wrong) !== 'number' || name !== 'progress.stepsPerEpoch') refused(at, wrong)
    }
  }
  const counts = ['step', 'epoch', 'index', 'items', 'stale'].map((name) => ['progress', name])
  for (const at of [...counts, ['seed'], ['optimizer', 'step']])
    for (const wrong of [-1, 0.5, 'NaN', 1e300]) refused(at, wrong)
  for (const wrong of [-1, 'NaN', 'Infinity']) refused(['optimizer', 'lr'], wrong)
  refused(['progress', 'best'], { step: 1, loss: 'x' })
  refused(['files'], ['x', 7])
  refused(['optimizer', 'kind'], 'none')
  for (const wrong of [null, [], 7, 'x'])
    t.throws(() => parseSavedRun(wrong, path), {
      code: 'ERR_FORMAT',
      message: /expected an object/,
    })
})

test('a later format says so', (t) => {
  t.throws(() => read((state) => (state['format'] = 2)), {
    ...{
      code: 'ERR_FORMAT',
      message: /: format: this is format 2, of a later version of rnnative/,
    },
  })
})

test.serial('a resumed run refuses what is damaged and leaves it as it was', async (t) => {
  const damage = (change: (state: Json) => void) => {
    const state = JSON.parse(text) as Json
    change(state)
    writeFileSync(path, JSON.stringify(state))
  }
  for (const [name, change] of [
    ['optimizer.kind', (state: Json) => (state['optimizer'] = {})],
    ['optimizer.step', (state: Json) => ((state['optimizer'] as Json)['step'] = null)],
    ['files', (state: Json) => (state['files'] = { 0: 'model.safetensors' })],
  ] as const) {
    damage(change)
    const error = await t.throwsAsync(train(directory, 6), { code: 'ERR_FORMAT' })
    t.true(error?.message.includes(`${path}: [state] ${name}: expected`), error?.message)
    t.false(existsSync(join(directory, '.run.lock')))
  }
  damage(() => undefined)
  t.is((await train(directory, 6)).step, 6)
})

test('carried state of other tensors or shapes is refused by name', async (t) => {
  const checkpoint = temporaryDirectory()
  const fit = async (maxSteps: number) => {
    await using model = makeModel()
    return await model.fit(sea, { ...fitOptions(), checkpoint, maxSteps, resume: true })
  }
  await fit(2)
  const file = join(checkpoint, 'step-2', 'carried.safetensors')
  const { tensors } = await io.readSafetensors(file)
  const [name, own] = [...tensors][0] as [string, nn.HostTensor]
  const shaped = (shape: number[]) => ({ shape, data: own.data.slice(0, 1) })
  for (const [wrong, message] of [
    [new Map([...tensors, [name, shaped([1, 1, 1])]]), `${name}: expected [`],
    [new Map([...tensors, [name, shaped([1])]]), `${name}: expected [`],
    [new Map([...tensors].slice(1)), `${name}: expected [`],
    [new Map([...tensors, ['other', own]]), 'other: expected none'],
  ] as const) {
    await io.writeSafetensors(file, wrong)
    const error = await t.throwsAsync(fit(3), { code: 'ERR_FORMAT' })
    t.true(error?.message.startsWith(`[resume] ${file}: ${message}`), error?.message)
  }
  await io.writeSafetensors(file, tensors)
  t.is((await fit(3)).step, 3)
})

test('a directory under the name of a file of ours stays when its checkpoint goes', async (t) => {
  const home = temporaryDirectory()
  await train(home, 2)
  const old = join(home, 'step-2')
  for (const name of ['config.json', 'mine']) {
    rmSync(join(old, name), { force: true })
    mkdirSync(join(old, name))
    writeFileSync(join(old, name, 'precious'), 'x')
  }
  const state = JSON.parse(readFileSync(join(old, 'state.json'), 'utf8')) as { files: string[] }
  state.files.push('config.json', 'mine')
  writeFileSync(join(old, 'state.json'), JSON.stringify(state))
  await train(home, 12)
  for (const name of ['config.json', 'mine']) t.true(existsSync(join(old, name, 'precious')))
  t.false(existsSync(join(old, 'model.safetensors')))
})
