// A contestant's side of the conversation: one JSON request a line on stdin, one JSON answer a line on
// stdout, one at a time. serve.py is the same for Python.
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A prepared task whose every run is timed by itself. */
export const timed = (run) => async (count) => {
  const milliseconds = []
  for (let i = 0; i < count; ++i) {
    const began = performance.now()
    await run()
    milliseconds.push(performance.now() - began)
  }
  return milliseconds
}

/**
 * One whose runs are only enqueued until `finish`: on the CPU each is timed by itself, on a GPU all
 * together, as their mean.
 */
export const timedOn = (device, run, finish) =>
  device === 'cpu'
    ? timed(() => (run(), finish()))
    : async (count) => {
        const began = performance.now()
        for (let i = 0; i < count; ++i) run()
        await finish()
        return [(performance.now() - began) / count]
      }

/** Bytes of a line such as `VmHWM:   123 kB` in /proc/self/status. */
function statusBytes(name) {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
}

/** How far the process's peak of resident memory rises above now while `work` runs. */
async function peakGrowth(work) {
  writeFileSync('/proc/self/clear_refs', '5') // the peak so far is forgotten
  const before = statusBytes('VmHWM')
  await work()
  return statusBytes('VmHWM') - before
}

/**
 * Answers requests until stdin ends. `prepare(task)` answers `{ runs, dispose?, details? }`, where
 * `runs(count)` answers milliseconds; `methods` are further requests by name; `growth(work)` answers
 * the bytes that work needs at its peak.
 */
export async function serve({ prepare, methods = {}, growth = peakGrowth }) {
  let prepared = null
  const release = async () => {
    await prepared?.dispose?.()
    prepared = null
  }
  const all = {
    release,
    prepare: async ({ task }) => {
      await release()
      prepared = await prepare(task)
      return prepared.details ?? {}
    },
    run: async ({ count }) => ({ milliseconds: await prepared.runs(count) }),
    memory: async ({ count }) => ({ bytes: await growth(() => prepared.runs(count)) }),
    ...methods,
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const { method, ...parameters } = JSON.parse(line)
    let answer
    try {
      answer = { result: (await all[method](parameters)) ?? {} }
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error), code: error?.code }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}
