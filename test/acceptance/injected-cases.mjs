// What injected.mjs runs under the library that makes file operations fail.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LanguageModel, Tokenizer } from 'rnnative'
import { record } from './book.mjs'

const ERRORS = ['ENOSPC', 'EIO', 'EINVAL', 'EXDEV']
/** Milliseconds after which something hangs. */
const PATIENCE = 30_000
const KINDS = ['open', 'write', 'fsync', 'rename', 'mkdir', 'unlink', 'link', 'truncate', 'close']

const data = process.env.FAULT_DIR
const control = fs.openSync(process.env.FAULT_CONTROL, 'r+')

/** Makes call `at` fail, `lasting`: and all after it; 0: counts alone. */
function arm(error, at, lasting) {
  const words = [1, os.constants.errno[error], at, Number(lasting)]
  const page = Buffer.alloc(4 * (words.length + 3 + KINDS.length))
  words.forEach((word, i) => page.writeInt32LE(word, 4 * i))
  fs.writeSync(control, page, 0, page.length, 0)
}

/** Ends that; what was seen. */
function disarm() {
  const page = Buffer.alloc(4 * (7 + KINDS.length))
  fs.readSync(control, page, 0, page.length, 0)
  fs.writeSync(control, Buffer.alloc(4), 0, 4, 0)
  const [calls, failed, ...rest] = Array.from({ length: 3 + KINDS.length }, (_, i) =>
    page.readInt32LE(4 * (4 + i)),
  )
  const kinds = Object.fromEntries(KINDS.map((name, i) => [name, rest[i]]))
  return { calls, failed, kinds, kind: KINDS[rest.at(-1)] }
}

const text = 'the quick brown fox jumps over the lazy dog. '.repeat(30)
const tokenizer = Tokenizer.characters(text)
const make = (seed) => new LanguageModel({ tokenizer, hidden: 8, layers: 1, seed })

async function digest(model) {
  const hash = createHash('sha256')
  for (const [name, parameter] of model.network.namedParameters())
    hash.update(name).update(await parameter.data())
  return hash.digest('hex')
}

async function digestAt(directory) {
  const model = await LanguageModel.load(directory)
  const found = await digest(model)
  await model.dispose()
  return found
}

const FOREIGN = { 'notes.txt': 'mine', '.env': 'KEY=1', 'step-7/lesson.md': 'precious' }

/** A new directory with files of others; `from`: and a copy of what is there. */
let made = 0
function fresh(from) {
  const directory = path.join(data, `case-${++made}`)
  fs.mkdirSync(directory, { recursive: true })
  if (from) fs.cpSync(from, directory, { recursive: true })
  for (const [name, content] of Object.entries(FOREIGN)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
    fs.writeFileSync(path.join(directory, name), content)
  }
  return directory
}

function checkForeign(directory) {
  for (const [name, content] of Object.entries(FOREIGN))
    if (fs.readFileSync(path.join(directory, name), 'utf8') !== content)
      throw new Error(`${name} is not what it was`)
}

/** The error's code, or 'done'; throws where there is none, or where it hangs. */
async function outcome(work) {
  const hung = Symbol('hung')
  const settled = work.then(
    () => 'done',
    (error) => error,
  )
  const found = await Promise.race([settled, sleep(PATIENCE, hung, { ref: false })])
  if (found === hung) throw new Error('hangs')
  if (found === 'done') return found
  if (!/^ERR_/.test(found?.code ?? '')) throw new Error(`an error without a code: ${found?.stack}`)
  return found.code
}

const older = make(1)
const newer = make(2)
const [oldDigest, newDigest] = [await digest(older), await digest(newer)]
fs.mkdirSync(data, { recursive: true })
const template = path.join(data, 'older')
await older.save(template)

const save = {
  prepare: () => fresh(template),
  work: (directory) => newer.save(directory),
  async check(directory, came) {
    const found = await digestAt(directory)
    if (found !== newDigest && (came === 'done' || found !== oldDigest))
      throw new Error('neither the old model nor the new one')
    await newer.save(directory)
    if ((await digestAt(directory)) !== newDigest) throw new Error('a second save saved nothing')
    const left = fs.readdirSync(directory).sort().join()
    if (left !== save.listing) throw new Error(`left behind: ${left}, not ${save.listing}`)
  },
}

const options = { batch: 4, steps: 10, validation: text.slice(0, 200), clipNorm: 1 }
async function train(directory, maxSteps, resume) {
  const model = make(3)
  try {
    const limits = { maxSteps, checkpoint: directory, checkpointEvery: 2, evaluateEvery: 3 }
    await model.fit(text, { ...options, ...limits, resume })
    return await digest(model)
  } finally {
    await model.dispose()
  }
}

const STEPS = 6
const run = {
  prepare: () => fresh(),
  work: (directory) => train(directory, STEPS, false),
  async check(directory, came) {
    const there = fs.existsSync(path.join(directory, 'latest'))
    if (came === 'done' && !there) throw new Error('a run that ended well left no checkpoint')
    if (there) await digestAt(directory)
    if ((await train(directory, STEPS + 2, true)) !== run.reached)
      throw new Error('the resumed run came to something else')
    await digestAt(directory)
  },
}

/** Every call of a case fails in turn, in every way. */
async function inject(name, { prepare, work, check }) {
  const whole = prepare()
  arm('EIO', 0, false)
  await work(whole)
  const { calls, kinds } = disarm()
  if (calls === 0 || kinds.open === 0 || kinds.rename === 0) throw new Error('nothing is caught')
  const came = {}
  const problems = []
  let trials = 0
  for (const error of ERRORS)
    for (const lasting of [false, true])
      for (let at = 1; at <= calls; ++at) {
        const directory = prepare()
        arm(error, at, lasting)
        let code = 'hangs'
        let problem = null
        try {
          code = await outcome(work(directory))
        } catch (thrown) {
          problem = thrown
        }
        const { failed, kind } = disarm()
        try {
          if (problem) throw problem
          checkForeign(directory)
          await check(directory, code)
          checkForeign(directory)
        } catch (thrown) {
          const at_ = `${name}: ${error} at call ${at} of ${calls} (${kind})${lasting ? ' and all after' : ''}`
          problems.push(`${at_}, which came to ${code}: ${thrown.message}`)
          console.log(problems.at(-1))
        }
        if (failed > 0) ++trials
        came[code] = (came[code] ?? 0) + 1
        fs.rmSync(directory, { recursive: true, force: true })
      }
  console.log(name, { calls, kinds, trials, came, problems: problems.length })
  return { calls, kinds, trials, came, problems }
}

const listed = fresh(template)
await newer.save(listed)
save.listing = fs.readdirSync(listed).sort().join()
run.reached = await train(fresh(), STEPS + 2, false)

const results = { save: await inject('save', save), run: await inject('run', run) }
const passed = Object.values(results).every(({ problems }) => problems.length === 0)
record('injected', { passed, errors: ERRORS, ...results })
fs.rmSync(path.dirname(data), { recursive: true, force: true })
process.exitCode = passed ? 0 : 1
