/**
 * Calls every public function with hostile arguments: `node dist-test/fuzz/calls.mjs COUNT SEED`, in a folder that may
 * be filled. Prints what threw something else than an RnnativeError, or blocked the event loop for over a second.
 */
import * as rnnative from 'rnnative'
import { RnnativeError } from 'rnnative'
import { recipes } from './recipes.mjs'
import { Chance, hostile, spoil } from './values.mjs'

type Callable = (...args: unknown[]) => unknown

const [count, seed] = [Number(process.argv[2] ?? 1000), Number(process.argv[3] ?? 1)]
const chance = new Chance(seed)
rnnative.setMemoryLimit(256 * 2 ** 20)

/** What changes the process; what only this package makes; what is told who asks. */
const LEFT_OUT = [
  'setDefaultDevice',
  'setMemoryLimit',
  'setThreads',
  'profile',
  'default',
  'peakGflops',
  ...['Tensor', 'Optimizer'],
]

/** Functions and classes of a namespace; calling a class makes one. */
function* functionsOf(space: object, path = ''): Generator<[string, Callable]> {
  for (const [name, value] of Object.entries(space)) {
    if (LEFT_OUT.includes(name)) continue
    const full = path === '' ? name : `${path}.${name}`
    if (typeof value === 'function') {
      const isClass = /^class\b/.test(Function.prototype.toString.call(value))
      if (name === 'RnnativeError' || name === 'Run') continue
      if (!isClass) yield [full, value as Callable]
      else {
        const Class = value as unknown as new (...args: unknown[]) => unknown
        yield [`new ${full}`, (...args) => new Class(...args)]
      }
    } else if (typeof value === 'object' && value !== null && path.split('.').length < 3)
      if (Object.getPrototypeOf(value) === null || space === rnnative || path !== '')
        yield* functionsOf(value as object, full)
  }
}

const all = [...functionsOf(rnnative)]
const failures = new Map<string, string>()
const tell = (value: unknown, depth = 0): string => {
  try {
    return JSON.stringify(value, (_, entry: unknown) =>
      ['bigint', 'symbol', 'function', 'undefined'].includes(typeof entry) ? String(entry) : entry,
    ).slice(0, 200)
  } catch {
    // It may hold itself.
    return Array.isArray(value) && depth < 3
      ? `[${value.map((entry) => tell(entry, depth + 1)).join(', ')}]`
      : Object.prototype.toString.call(value)
  }
}

function judge(name: string, args: unknown[], error: unknown): void {
  if (error instanceof RnnativeError && error.code !== 'ERR_INTERNAL') return
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 4).join('') : ''
  failures.set(
    `${name} ${what.slice(0, 60)}`,
    `${name}${tell(args)}: ${what.slice(0, 200)}${stack}`,
  )
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Waits for what a call gave, not for long; runs are stopped. */
async function settle(given: unknown): Promise<void> {
  if (typeof given !== 'object' || given === null) return
  if (Symbol.asyncIterator in given && !('then' in given)) {
    const iterator = (given as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    for (let i = 0; i < 5; ++i) if ((await iterator.next()).done) return
    await iterator.return?.()
    return
  }
  if (!('then' in given)) return
  const run = given as PromiseLike<unknown> & { abort?: () => void }
  const timer = setTimeout(() => run.abort?.(), 200)
  try {
    await Promise.race([run, pause(3000)])
  } finally {
    clearTimeout(timer)
  }
}

let [blocked, last] = [0, performance.now()]
const beat = setInterval(() => {
  const now = performance.now()
  blocked = Math.max(blocked, now - last - 20)
  last = now
}, 20)

for (let i = 0; i < count; ++i) {
  let name: string, call: Callable, args: unknown[]
  if (chance.next() < 0.7) {
    const recipe = chance.of(recipes)
    ;[name, call] = [recipe.name, recipe.call as Callable]
    args = spoil(recipe.args(), chance)
  } else {
    ;[name, call] = chance.of(all)
    args = Array.from({ length: chance.below(4) }, () => chance.of(hostile)())
  }
  blocked = 0
  const began = performance.now()
  try {
    const given = call(...args)
    await settle(given)
    const owner = given as { dispose?: () => void } | undefined
    if (typeof owner?.dispose === 'function' && !args.includes(given)) void owner.dispose()
  } catch (error) {
    judge(name, args, error)
  }
  const took = Math.max(blocked, performance.now() - began - 3100)
  if (took > 1000)
    failures.set(`${name} hang`, `${name}${tell(args)}: blocked for ${took.toFixed(0)} ms`)
  if (i % 100 === 0) await pause(1)
}
clearInterval(beat)
process.stdout.write(`${[...failures.values()].join('\n')}\n`)
process.stdout.write(`${count} calls, ${failures.size} failures\n`)
process.exit(failures.size > 0 ? 1 : 0)
