// One process trains, generates, translates, classifies, serves over HTTP, saves, loads and resumes, again and again. Each round
// is the same work from the same seeds, so its results must be the same bits. About once a minute, between rounds and after a full
// collection: resident memory, V8's and ours, open files, threads; and the delay of the event loop over that minute.
//
//   node --expose-gc test/acceptance/soak.mjs [--minutes 120] [--share 1] [--out bench/results/soak.json]
//   scripts/test-sanitized.sh --run node --expose-gc test/acceptance/soak.mjs --out bench/results/soak-asan.json
//
// --share: the part of the time that it works, for machines that others use, too. It passes where resident memory of the last
// quarter lies at most 2% over that of the first quarter after the warm-up (a tenth, or two minutes), files and threads are as
// many, the delay's 99th percentile is below 10 ms (of minutes in which this thread hardly waited for a processor), and every
// round gave the same. Needs fastify.
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { info, LanguageModel, memory, optim, Seq2Seq, synchronize, TextClassifier, Tokenizer } from 'rnnative' // prettier-ignore
import { serveModels } from '#dist/serve/server.js'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '120' },
    share: { type: 'string', default: '1' },
    out: { type: 'string', default: 'bench/results/soak.json' },
  },
})
const [minutes, share] = [Number(options.minutes), Number(options.share)]
const collect = globalThis.gc
if (collect === undefined) throw new Error('run it with node --expose-gc')
const TOLERANCE = 0.02
const MOST_DELAY = 10 // ms
/** Seconds of a minute that a thread may wait for a processor before its delays say nothing of us. */
const MOST_WAITED = 1

const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-soak-'))
const at = (name) => path.join(scratch, name)

let state = 1
const next = (n) => (state = (state * 48271) % 2147483647) % n
const word = () => Array.from({ length: 2 + next(4) }, () => 'abcdefghij'[next(10)]).join('')
const words = Array.from({ length: 200 }, word)
const line = () => Array.from({ length: 4 + next(8) }, () => words[next(200)]).join(' ')
const lines = Array.from({ length: 400 }, line)
const text = lines.join('\n')
const pairs = lines.map((one) => [one, one.split(' ').reverse().join(' ')])
const examples = lines.map((one) => ({ text: one, label: one.length > 30 ? 'long' : 'short' }))
const characters = Tokenizer.characters(text)
const tokenizer = Tokenizer.spaces([words.join(' ')], { minCount: 1 }).withBoundaries()
const SOURCES = lines.slice(0, 8)

/** Tells what a round computes, and makes one hash of it. */
class Trace {
  #hash = createHash('sha256')
  add(what, value) {
    this.#hash.update(`${what} ${JSON.stringify(value)}\n`)
  }
  digest() {
    return this.#hash.digest('hex').slice(0, 16)
  }
}

async function language(trace) {
  const sizes = { layers: 2, hidden: 64, embedding: 32, dropout: 0.2, seed: 1 }
  const model = new LanguageModel({ tokenizer: characters, ...sizes })
  const training = { batch: 8, steps: 25, optimizer: optim.adam({ lr: 4e-3 }) }
  const checkpoint = { checkpoint: at('run'), overwrite: true, checkpointEvery: 10 }
  for await (const { step, loss } of model.fit(text, { ...training, ...checkpoint, maxSteps: 30 }))
    trace.add(step, loss)
  for await (const { loss } of model.fit(text, {
    ...{ ...training, checkpoint: at('run'), resume: true, maxSteps: 35 },
  }))
    trace.add('resumed', loss)
  await model.save(at('language'))
  await model.dispose()
  const loaded = await LanguageModel.load(at('language'))
  trace.add('evaluated', await loaded.evaluate(text.slice(0, 2000)))
  for (const temperature of [0, 0.8]) {
    const pieces = loaded.generate('ab', { length: 60, temperature, seed: 3 })
    let written = ''
    for await (const piece of pieces) written += piece
    trace.add('generated', written)
  }
  // Left in the middle.
  for await (const piece of loaded.generate('ab', { length: 1000, temperature: 0 })) {
    trace.add('first', piece)
    break
  }
  await loaded.dispose()
}

async function translation(trace) {
  const model = new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, cell: 'gru', hidden: 48, embedding: 32, seed: 1 },
    ...{ encoder: { bidirectional: true }, attention: 'additive', dropout: 0.1 },
  })
  const { loss } = await model.fit(pairs, { batchTokens: 512, maxSteps: 20 })
  trace.add('loss', loss)
  await model.save(at('translation'))
  await model.dispose()
  const loaded = await Seq2Seq.load(at('translation'))
  trace.add('beam', await loaded.translate(SOURCES, { beam: 5, maxLength: 20 }))
  trace.add('greedy', await loaded.translate(SOURCES, { maxLength: 20 }))
  await loaded.dispose()
}

async function classification(trace) {
  const settings = {
    unit: 'space',
    hidden: 16,
    embedding: 16,
    pooling: ['attention', 'max'],
    seed: 1,
  }
  const model = await TextClassifier.for(examples, settings)
  await model.fit(examples, { epochs: 1, batch: 32, validation: 0.2 })
  trace.add('labels', await model.predict(SOURCES))
  await model.dispose()
}

/** A request to one of the models; `leave`: goes when the first piece has come. */
function post(agent, url, body, leave = false) {
  const headers = { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sent = http.request(url, { method: 'POST', headers, agent }, (answer) => {
      let got = ''
      answer.setEncoding('utf8').on('data', (piece) => {
        got += piece
        if (leave) sent.destroy()
      })
      answer.on('close', () => resolve({ status: answer.statusCode, text: got }))
      answer.on('error', () => undefined)
    })
    sent.on('error', (error) => (leave ? resolve(null) : reject(error))).end(JSON.stringify(body))
  })
}

async function serving(trace) {
  const server = await serveModels([at('language'), at('translation')], { port: 0 })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
  const ask = (place, body, leave) => post(agent, `${server.url}/v1/models/${place}`, body, leave)
  const answers = await Promise.all(
    SOURCES.map((one) => ask('translation/translate', { inputs: [one], beam: 3, maxLength: 20 })),
  )
  for (const { status, text: body } of answers) trace.add(status, JSON.parse(body).results[0].text)
  const generate = { inputs: ['ab'], length: 30, temperature: 0 }
  const { status, text: written } = await ask('language/generate', generate)
  trace.add(status, JSON.parse(written).results)
  const streamed = await ask('language/generate', { ...generate, stream: true })
  trace.add('streamed', streamed.text)
  await ask('language/generate', { ...generate, length: 1000, stream: true }, true)
  const refused = await ask('language/generate', { inputs: 3 })
  trace.add('refused', refused.status)
  await server.reload()
  agent.destroy()
  await server.close()
}

async function round() {
  const trace = new Trace()
  for (const work of [language, translation, classification, serving]) await work(trace)
  return trace.digest()
}

const count = (folder) => readdirSync(folder).length
/** Seconds that the main thread has waited for a processor. */
const waited = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[1]) / 1e9

async function look() {
  await synchronize()
  // Sockets and files that were closed go in turns of their own.
  await sleep(200)
  collect()
  await sleep(50)
  collect()
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  const { tensors, bytes } = memory().devices.cpu
  const threads = count('/proc/self/task')
  return {
    rss,
    heapUsed,
    external,
    arrayBuffers,
    tensors,
    bytes,
    files: count('/proc/self/fd'),
    threads,
  }
}

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]

function judge(entries, hashes) {
  const warm = entries.filter(
    ({ minute }) => minute >= Math.min(minutes / 3, Math.max(2, minutes / 10)),
  )
  const quarter = Math.max(1, Math.floor(warm.length / 4))
  const part = (name, from) => median(from.map((entry) => entry[name]))
  const growth = (name) => part(name, warm.slice(-quarter)) / part(name, warm.slice(0, quarter)) - 1
  const grown = Object.fromEntries(
    ['rss', 'heapUsed', 'external', 'bytes'].map((name) => [name, growth(name)]),
  )
  const same = (name) => new Set(warm.map((entry) => entry[name])).size === 1
  const quiet = warm.filter((entry) => entry.waited <= MOST_WAITED)
  return {
    memoryFlat: grown.rss <= TOLERANCE,
    ...{ filesFlat: same('files'), threadsFlat: same('threads'), tensorsFlat: same('tensors') },
    delay: quiet.length === 0 ? null : quiet.every(({ p99 }) => p99 < MOST_DELAY),
    resultsSame: new Set(hashes).size === 1,
    ...{ growth: grown, minutesThatCount: quiet.length, minutesMeasured: warm.length },
  }
}

const began = performance.now()
const elapsed = () => (performance.now() - began) / 60_000
const [entries, hashes] = [[], []]
const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let [since, waitedBefore, rounds] = [0, waited(), 0]
while (elapsed() < minutes) {
  const start = performance.now()
  hashes.push(await round())
  ++rounds
  if (share < 1) await sleep((performance.now() - start) * (1 / share - 1))
  if (elapsed() - since < 1 && elapsed() < minutes) continue
  const p99 = delays.percentile(99) / 1e6
  const most = delays.max / 1e6
  const entry = {
    minute: elapsed(),
    rounds,
    ...(await look()),
    p99,
    max: most,
    waited: waited() - waitedBefore,
  }
  entries.push({ ...entry, load: os.loadavg()[0], hash: hashes.at(-1) })
  console.log(
    `${entry.minute.toFixed(1)} min: ${rounds} rounds, ${(entry.rss / 2 ** 20).toFixed(1)} MiB resident, ` +
      `heap ${(entry.heapUsed / 2 ** 20).toFixed(1)}, external ${(entry.external / 2 ** 20).toFixed(1)}, ${entry.tensors} tensors, ` +
      `${entry.files} files, ${entry.threads} threads, delay p99 ${p99.toFixed(1)} max ${most.toFixed(0)} ms ` +
      `(waited ${entry.waited.toFixed(1)} s), ${hashes.at(-1)}`,
  )
  delays.reset()
  ;[since, waitedBefore] = [elapsed(), waited()]
}
delays.disable()
rmSync(scratch, { recursive: true })

const verdict = judge(entries, hashes)
const passed = [
  'memoryFlat',
  'filesFlat',
  'threadsFlat',
  'tensorsFlat',
  'delay',
  'resultsSame',
].every((name) => verdict[name] !== false)
const { isa, threads } = info()
const machine = { cpu: os.cpus()[0]?.model, isa, threads, node: process.version }
const sanitized = /asan/.test(process.env.LD_PRELOAD ?? '')
const record = {
  date: new Date().toISOString(),
  machine,
  minutes,
  share,
  sanitized,
  rounds,
  passed,
  ...verdict,
  entries,
}
writeFileSync(options.out, `${JSON.stringify(record, null, 1)}\n`)
console.log({ passed, ...verdict })
process.exitCode = passed ? 0 : 1
