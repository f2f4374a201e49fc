import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Run, type RunContext } from 'rnnative'

async function count(context: RunContext<number>, limit: number): Promise<string> {
  for (let i = 1; i <= limit; ++i) {
    if (context.stopping) return `stopped at ${i}`
    context.emit(i)
    if (i % 100 === 0) await sleep(0)
  }
  return 'done'
}

const fail = async ({ emit }: RunContext<number>): Promise<string> => {
  emit(1)
  await sleep(1)
  throw new Error('failed')
}

test('it starts at once, gives its events, and its result', async (t) => {
  let started = false
  const run = new Run<number, string>(async (context) => {
    started = true
    return count(context, 5)
  })
  t.true(started)
  const events: number[] = []
  for await (const event of run) events.push(event)
  t.deepEqual(events, [1, 2, 3, 4, 5])
  t.is(await run, 'done')
})

test('break stops it and waits for it', async (t) => {
  const run = new Run<number, string>((context) => count(context, 1e9))
  for await (const event of run) if (event === 3) break
  t.regex(await run, /^stopped at/)
})

test('a slow consumer does not stall it, and finds the latest events', async (t) => {
  const run = new Run<number, string>(async (context) => {
    context.emit(-1, true)
    return count(context, 5000)
  })
  t.is(await run, 'done')
  const events: number[] = []
  for await (const event of run) events.push(event)
  t.is(events.length, 1024)
  t.is(events[0], -1) // important: kept
  t.is(events.at(-1), 5000)
})

test('an error comes once: from the loop, or from await', async (t) => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const looped = new Run(fail)
  const events: number[] = []
  await t.throwsAsync(
    async () => {
      for await (const event of looped) events.push(event)
    },
    { message: 'failed' },
  )
  t.deepEqual(events, [1])
  await t.throwsAsync(new Run(fail).then(), { message: 'failed' })
  await sleep(5)
  t.deepEqual(unhandled, [])
  process.off('unhandledRejection', listen)
})

test('a signal stops it; its events are read once', async (t) => {
  const controller = new AbortController()
  const run = new Run<number, string>((context) => count(context, 1e9), controller.signal)
  setTimeout(() => controller.abort(), 5)
  t.regex(await run, /^stopped at/)
  run[Symbol.asyncIterator]()
  t.throws(() => run[Symbol.asyncIterator](), { code: 'ERR_BUSY' })
})
