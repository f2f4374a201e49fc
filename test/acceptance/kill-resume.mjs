// SIGKILLs `rnnative lm train` at 20 random moments and at 10 moments inside a checkpoint write (with
// delays injected between its stages). After every kill the checkpoints that the pointers name must be
// whole; the run, resumed to its 200 steps, must equal an uninterrupted one bit for bit. Half of it
// with one thread, half with two.
//
//   node test/acceptance/kill-resume.mjs
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { io, LanguageModel } from 'rnnative'
import { book, record } from './book.mjs'

const RANDOM_KILLS = 20
const WRITE_KILLS = 10
const [BATCH, WINDOW, STEPS_PER_EPOCH, EPOCHS] = [20, 25, 100, 2]
const STAGE_DELAY = 60 // ms; a write has 8 stages

const folder = mkdtempSync(path.join(os.tmpdir(), 'kill-resume-'))
const text = path.join(folder, 'text.txt')
const valid = path.join(folder, 'valid.txt')
const characters = BATCH * WINDOW * STEPS_PER_EPOCH + 1
const all = book()
writeFileSync(text, all.slice(20_000, 20_000 + characters))
writeFileSync(valid, all.slice(600_000, 603_000))

function start(checkpoint, threads, delay = 0) {
  const args = [
    ...['lm', 'train', '--text', text, '--valid', valid, '--unit', 'char'],
    ...['--hidden', 96, '--embedding', 32, '--dropout', 0.2, '--schedule', 'plateau'],
    ...['--batch', BATCH, '--steps', WINDOW, '--epochs', EPOCHS, '--threads', threads],
    ...['--checkpoint', checkpoint, '--checkpoint-every', 5, '--resume', '--json'],
  ]
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args.map(String)], {
    env: { ...process.env, RNNATIVE_TEST_CHECKPOINT_DELAY_MS: String(delay) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const begun = new Promise((resolve) => child.stdout.once('data', resolve))
  child.stdout.resume()
  const ended = new Promise((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  return { child, begun, ended }
}

/** Loads every file that a pointer names; throws when one is missing or torn. */
async function verify(checkpoint) {
  for (const pointer of ['latest', 'best']) {
    const file = path.join(checkpoint, pointer)
    if (!existsSync(file)) continue
    const directory = path.join(checkpoint, readFileSync(file, 'utf8').trim())
    JSON.parse(readFileSync(path.join(directory, 'state.json'), 'utf8'))
    await io.readSafetensors(path.join(directory, 'optimizer.safetensors'))
    await io.readSafetensors(path.join(directory, 'carried.safetensors'))
    const model = await LanguageModel.load(directory)
    await model.dispose()
  }
}

const latest = (checkpoint) => readFileSync(path.join(checkpoint, 'latest'), 'utf8').trim()

/** A digest of everything the last checkpoint holds but times. */
function digest(checkpoint) {
  const directory = path.join(checkpoint, latest(checkpoint))
  const hash = createHash('sha256').update(path.basename(directory))
  for (const name of ['model', 'optimizer', 'carried'])
    hash.update(readFileSync(path.join(directory, `${name}.safetensors`)))
  const { progress, schedule } = JSON.parse(
    readFileSync(path.join(directory, 'state.json'), 'utf8'),
  )
  // A resumed run may have them in another order.
  const reached = Object.entries({ ...progress, seconds: 0 }).sort()
  return hash.update(JSON.stringify([reached, schedule])).digest('hex')
}

async function complete(checkpoint, threads) {
  const { code } = await start(checkpoint, threads).ended
  if (code !== 0) throw new Error(`training ended with exit code ${code}`)
}

async function killAtRandom(checkpoint, threads) {
  const { child, begun, ended } = start(checkpoint, threads)
  const wait = Math.random() * 1200
  if (Math.random() < 0.8) await Promise.race([begun, ended])
  await sleep(wait)
  child.kill('SIGKILL')
  return { moment: `${wait.toFixed(0)} ms`, ...(await ended) }
}

/** What lies there, with the number of files in each directory. */
const listing = (checkpoint) =>
  readdirSync(checkpoint, { withFileTypes: true })
    .map((entry) =>
      entry.isDirectory()
        ? `${entry.name} (${readdirSync(path.join(checkpoint, entry.name)).length})`
        : `${entry.name} -> ${readFileSync(path.join(checkpoint, entry.name), 'utf8').trim()}`,
    )
    .sort()
    .join(', ')

async function killInsideWrite(checkpoint, threads, nth) {
  const { child, ended } = start(checkpoint, threads, STAGE_DELAY)
  // Not what an earlier kill left behind.
  const writing = () =>
    existsSync(checkpoint) &&
    readdirSync(checkpoint).some((name) => name.includes(`.tmp-${child.pid}-`))
  let over = false
  void ended.then(() => (over = true))
  while (!over && !writing()) await sleep(5)
  // One kill in each tenth of the write, the stages after the rename included.
  await sleep(((nth + Math.random()) / WRITE_KILLS) * 9 * STAGE_DELAY)
  child.kill('SIGKILL')
  const outcome = await ended
  return { moment: listing(checkpoint), ...outcome }
}

const kills = []
const digests = {}
for (const threads of [1, 2]) {
  const reference = path.join(folder, `reference-${threads}`)
  await complete(reference, threads)
  digests[`uninterrupted, ${threads} threads`] = digest(reference)

  let round = 0
  let checkpoint = path.join(folder, `killed-${threads}-${round}`)
  const finish = async () => {
    await complete(checkpoint, threads)
    digests[`killed and resumed, ${threads} threads, run ${round}`] = digest(checkpoint)
  }
  for (let i = 0; i < (RANDOM_KILLS + WRITE_KILLS) / 2; ++i) {
    const inWrite = i >= RANDOM_KILLS / 2
    const nth = 2 * (i - RANDOM_KILLS / 2) + (threads - 1)
    const { moment, code, signal } = inWrite
      ? await killInsideWrite(checkpoint, threads, nth)
      : await killAtRandom(checkpoint, threads)
    await verify(checkpoint)
    if (signal !== 'SIGKILL') {
      // It was done before the kill came: the kill does not count, a new run begins.
      if (code !== 0) throw new Error(`training ended with exit code ${code}`)
      await finish()
      checkpoint = path.join(folder, `killed-${threads}-${++round}`)
      --i
      continue
    }
    const at = existsSync(path.join(checkpoint, 'latest')) ? latest(checkpoint) : 'none yet'
    kills.push({ threads, kind: inWrite ? 'inside a write' : 'random', moment, latest: at })
    console.log(kills.length, kills.at(-1))
  }
  await finish()
}

const equal = new Set(Object.values(digests)).size === 1
record('kill-resume', { equal, steps: EPOCHS * STEPS_PER_EPOCH, kills, digests })
process.exitCode = equal ? 0 : 1
