// SIGKILLs processes that save a model over another, again and again, and processes that train with a checkpoint at
// every step, at random moments. After each kill the model that loads is one of the two, whole; what the checkpoints'
// pointers name loads; files of others are as they were; and the next process goes on at once.
//
//   node test/acceptance/kill-save.mjs [kills of each kind]
//
// Writes bench/results/kill-save.json. What a killed run resumes to is looked at by kill-resume.mjs.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LanguageModel, Tokenizer } from 'rnnative'
import { record } from './book.mjs'

const [first, second] = process.argv.slice(2)
const text = 'the quick brown fox jumps over the lazy dog. '.repeat(40)
const make = (seed) =>
  new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 96, layers: 1, seed })
const SEEDS = [1, 2]

/** What a child does, until it is killed. */
const children = {
  async save(directory) {
    const models = SEEDS.map(make)
    console.log('begun')
    for (let i = 0; ; ++i) await models[i % 2].save(directory)
  },
  async train(directory) {
    console.log('begun')
    const options = { batch: 4, steps: 10, validation: text.slice(0, 300), evaluateEvery: 3 }
    for (let maxSteps = 3; ; maxSteps += 3)
      await make(3).fit(text, {
        ...options,
        ...{ maxSteps, checkpoint: directory, checkpointEvery: 1, resume: true },
      })
  },
}

async function digest(model) {
  const hash = createHash('sha256')
  for (const [name, parameter] of model.network.namedParameters())
    hash.update(name).update(await parameter.data())
  await model.dispose()
  return hash.digest('hex')
}

const FOREIGN = { 'notes.txt': 'mine', 'step-7/lesson.md': 'precious' }

/** Kills a child at a random moment of its work, a moment after it began. */
async function kill(kind, directory) {
  const script = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, [script, kind, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('close', (_, signal) => resolve(signal)))
  const begun = new Promise((resolve) => child.stdout.once('data', resolve))
  await Promise.race([begun, ended])
  await sleep(5 + 150 * Math.random())
  child.kill('SIGKILL')
  if ((await ended) !== 'SIGKILL') throw new Error(`${kind}: the process ended by itself`)
}

async function checkSaved(directory, known) {
  if (!existsSync(path.join(directory, 'config.json'))) return 'none yet'
  const found = await digest(await LanguageModel.load(directory))
  if (!known.includes(found)) throw new Error('neither of the two models')
  return 'whole'
}

async function checkRun(directory) {
  let pointers = 0
  for (const pointer of ['latest', 'best']) {
    const file = path.join(directory, pointer)
    if (!existsSync(file)) continue
    ++pointers
    const named = path.join(directory, readFileSync(file, 'utf8').trim())
    JSON.parse(readFileSync(path.join(named, 'state.json'), 'utf8'))
    await digest(await LanguageModel.load(named))
  }
  return pointers > 0 ? 'whole' : 'none yet'
}

async function killAll(times) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kill-save-'))
  const known = await Promise.all(SEEDS.map((seed) => digest(make(seed))))
  const results = {}
  for (const kind of Object.keys(children)) {
    const came = {}
    let most = 0
    for (let i = 0; i < times; ++i) {
      // A new place now and then, so that the first save and the first checkpoint are met, too.
      const directory = path.join(folder, `${kind}-${Math.floor(i / 10)}`)
      if (i % 10 === 0)
        for (const [name, content] of kind === 'train' ? Object.entries(FOREIGN) : []) {
          mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
          writeFileSync(path.join(directory, name), content)
        }
      await kill(kind, directory)
      const found = existsSync(directory)
        ? await (kind === 'save' ? checkSaved(directory, known) : checkRun(directory))
        : 'none yet'
      came[found] = (came[found] ?? 0) + 1
      // A project's file beside the model, once there is one.
      if (kind === 'save' && found === 'whole') {
        const file = path.join(directory, 'notes.txt')
        if (existsSync(file) && readFileSync(file, 'utf8') !== 'mine') throw new Error('notes.txt')
        writeFileSync(file, 'mine')
      }
      if (kind === 'train')
        for (const [name, content] of Object.entries(FOREIGN))
          if (readFileSync(path.join(directory, name), 'utf8') !== content) throw new Error(name)
      if (existsSync(directory)) most = Math.max(most, readdirSync(directory).length)
      if (i % 25 === 24) console.log(kind, i + 1, came)
    }
    results[kind] = { kills: times, came, mostFilesLeft: most }
  }
  rmSync(folder, { recursive: true, force: true })
  record('kill-save', results)
}

if (first in children) await children[first](second)
else await killAll(Number(first ?? 100))
