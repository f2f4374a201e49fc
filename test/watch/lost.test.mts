/** Streams that are lost while a run writes to them. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { watch, type Watcher } from 'rnnative'
import { event, plan, result } from './support.mjs'

/** Takes one line and then fails, as a pipe does whose reader has left. */
class Broken extends Writable {
  lines = 0
  readonly isTTY = true
  readonly columns = 80

  constructor() {
    super({ autoDestroy: false })
  }

  override _write(_: Buffer, __: BufferEncoding, done: (error?: Error) => void): void {
    done(++this.lines > 1 ? Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) : undefined)
  }
}

const makers: Record<string, (stream: Broken) => Watcher> = {
  lines: (stream) => watch.lines({ stream }),
  json: (stream) => watch.json({ stream }),
  bar: (stream) => watch.bar({ stream }),
}

for (const [name, make] of Object.entries(makers)) {
  test(`${name}: a lost stream ends the watcher by an error that says so`, async (t) => {
    const stream = new Broken()
    const watcher = make(stream)
    const loss = { validation: { loss: 1, best: true, seconds: 1 } }
    watcher.begin?.(plan())
    watcher.event?.(event(1, loss))
    watcher.event?.(event(2, loss))
    await sleep(5)
    const error = { code: 'ERR_IO', message: `[${name}] stream: its reader has gone` }
    t.throws(() => watcher.event?.(event(3, loss)), error)
    t.throws(() => make(stream).begin?.(plan()), error, 'and the next one on the same stream')
  })

  test(`${name}: whoever listens to a stream's errors answers for them`, async (t) => {
    const stream = new Broken()
    let heard = 0
    stream.on('error', () => ++heard)
    const watcher = make(stream)
    watcher.begin?.(plan())
    for (const step of [10, 20, 30]) {
      watcher.event?.(event(step, { checkpoint: 'x' }))
      await sleep(1)
    }
    void watcher.end?.({ result })
    // When the watcher leaves is the event loop's affair.
    for (let i = 0; i < 200 && stream.listenerCount('error') > 1; ++i) await sleep(5)
    t.true(heard > 0)
    t.is(stream.listenerCount('error'), 1)
  })
}

test('a script goes on, and gives its directory back, where the reader of its lines leaves', async (t) => {
  const checkpoint = mkdtempSync(join(tmpdir(), 'rnnative-'))
  const script = `
    const { LanguageModel, Tokenizer, watch } = require(${JSON.stringify(process.cwd())})
    const text = 'the whale swims in the sea. '.repeat(100)
    const model = new LanguageModel({ tokenizer: Tokenizer.characters(text), hidden: 8, seed: 1 })
    const options = { batch: 8, steps: 20, epochs: 40, checkpoint: ${JSON.stringify(checkpoint)} }
    model.fit(text, { ...options, watch: watch.lines() }).then(() => model.dispose())`
  const child = spawn(process.execPath, ['-e', script])
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.on('close', resolve))
  t.is(code, 0, stderr)
  t.regex(stderr, /RNNATIVE_WATCHER.* \[lines\] standard output: its reader has gone/)
  t.deepEqual(readdirSync(checkpoint).slice(0, 2), ['best', 'latest'])
})
