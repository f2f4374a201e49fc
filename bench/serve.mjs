// The server with batching and without, from one client to ten times too many:
//
//   node bench/serve.mjs [--model DIR] [--texts FILE] [--clients 32] [--seconds 60] [--beam 5] [--out FILE]
//
// Clients run here and the server in a process of its own. Without --model a Seq2Seq of Multi30k's shape is made (BiGRU
// 320, attention, 5,000 tokens) that has learned nothing, whose results are cut at 14 tokens; --texts: lines to translate,
// such as newstest's, else texts are made up. Every result is held against `translate` of its text alone.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Seq2Seq, Tokenizer } from 'rnnative'
import { circumstances } from './circumstances.mjs'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    texts: { type: 'string' },
    clients: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '60' },
    beam: { type: 'string', default: '5' },
    out: { type: 'string' },
  },
})
const [clients, seconds, beam] = ['clients', 'seconds', 'beam'].map((name) => Number(options[name]))
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-bench-serve-'))

/** Words of two to five letters, in lines of 8 to 16. */
function makeTexts() {
  let state = 1
  const next = (n) => (state = (state * 48271) % 2147483647) % n
  const word = () => Array.from({ length: 2 + next(4) }, () => 'abcdefghij'[next(10)]).join('')
  const words = Array.from({ length: 4990 }, word)
  const line = () => Array.from({ length: 8 + next(9) }, () => words[next(words.length)]).join(' ')
  return { words, lines: Array.from({ length: 500 }, line) }
}

async function makeModel() {
  const { words, lines } = makeTexts()
  const tokenizer = Tokenizer.spaces([words.join(' ')], { minCount: 1 }).withBoundaries()
  const model = new Seq2Seq({
    ...{ source: tokenizer, target: tokenizer, cell: 'gru', hidden: 320, embedding: 256, seed: 1 },
    ...{ encoder: { bidirectional: true }, attention: 'additive', tieEmbeddings: 'all' },
  })
  await model.save(path.join(scratch, 'model'))
  await model.dispose()
  return { directory: path.join(scratch, 'model'), lines }
}

const made = options.model ? null : await makeModel()
const directory = options.model ?? made.directory
const texts = options.texts
  ? readFileSync(options.texts, 'utf8').split('\n').filter(Boolean)
  : (made ?? makeTexts()).lines
const search = { beam, ...(made && { maxLength: 14 }) }

async function startServer(flags) {
  const args = ['dist/cli/main.js', 'serve', '--model', directory, '--port', '0', ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    createInterface({ input: child.stdout }).once('line', (line) => resolve(/http:\S+/.exec(line)))
  })
  const stop = () =>
    new Promise((resolve) => {
      child.removeAllListeners('exit')
      child.on('exit', resolve)
      child.kill('SIGTERM')
    })
  return { url, name: path.basename(path.resolve(directory)), stop }
}

function post(agent, server, verb, body, onData) {
  const url = `${server.url}/v1/models/${server.name}/${verb}`
  const headers = { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sent = http.request(url, { method: 'POST', headers, agent }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece
        onData?.(sent)
      })
      answer.on('error', reject).on('end', () => resolve({ status: answer.statusCode, text }))
    })
    sent.on('error', reject).end(JSON.stringify(body))
  })
}

async function gauge(server, name) {
  const text = await new Promise((resolve, reject) => {
    http.get(`${server.url}/metrics`, (answer) => resolve(textOf(answer))).on('error', reject)
  })
  return Number(new RegExp(`^rnnative_${name}\\S* (\\S+)$`, 'm').exec(text)?.[1])
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]

/** So many clients, each asking again when it is answered. */
async function load(server, count, duration) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })
  const found = { times: [], refused: [], errors: 0, results: new Map() }
  const began = performance.now()
  let next = 0
  const client = async () => {
    while (performance.now() - began < duration * 1000) {
      const text = texts[next++ % texts.length]
      const sent = performance.now()
      const { status, text: body } = await post(agent, server, 'translate', { inputs: [text], ...search }).catch(() => ({ status: 0 })) // prettier-ignore
      const took = performance.now() - sent
      if (status === 200) {
        found.times.push(took)
        found.results.set(text, JSON.parse(body).results[0].text)
      } else if (status === 503) {
        found.refused.push(took)
        await sleep(20)
      } else ++found.errors
    }
  }
  await Promise.all(Array.from({ length: count }, client))
  agent.destroy()
  const elapsed = (performance.now() - began) / 1000
  for (const list of [found.times, found.refused]) list.sort((a, b) => a - b)
  return {
    ...{ clients: count, sentencesPerSecond: found.times.length / elapsed, errors: found.errors },
    ...{ p50: at(found.times, 0.5), p99: at(found.times, 0.99), refused: found.refused.length },
    refusedP99: at(found.refused, 0.99) ?? null,
    results: found.results,
  }
}

/** Clients that leave when their first piece has come. */
async function vanish(server, count) {
  const before = await gauge(server, 'process_bytes')
  const agent = new http.Agent({ maxSockets: 64 })
  const leave = (sent) => sent.destroy()
  const body = { inputs: [texts[0]], stream: true, maxLength: 1024 }
  await Promise.all(
    Array.from({ length: count }, () =>
      post(agent, server, 'sample', body, leave).catch(() => undefined),
    ),
  )
  agent.destroy()
  let waited = 0
  while ((await gauge(server, 'inputs_running')) > 0 && waited < 10_000) await sleep((waited += 50) && 50) // prettier-ignore
  const after = await gauge(server, 'process_bytes')
  return {
    clients: count,
    running: await gauge(server, 'inputs_running'),
    grownMegabytes: (after - before) / 1e6,
  }
}

const tell = (name, found) => {
  const row = Object.fromEntries(Object.entries(found).filter(([key]) => key !== 'results'))
  console.log(name, row)
  return row
}
const report = { ...circumstances(), model: options.model ?? 'untrained, as Multi30k', search }
try {
  const results = new Map()
  const gather = (row) => {
    for (const entry of row.results) results.set(...entry)
    return row
  }
  for (const [name, flags] of [
    ['batched', ['--max-queue', String(4 * clients)]],
    ['single', ['--max-batch', '1', '--max-wait', '0']],
  ]) {
    const server = await startServer(flags)
    await load(server, 4, 2) // to warm up
    report[`${name}OneClient`] = tell(`${name}, one client`, gather(await load(server, 1, Math.min(seconds, 15)))) // prettier-ignore
    report[name] = tell(name, gather(await load(server, clients, seconds)))
    if (name === 'batched') {
      const quiet = await gauge(server, 'process_bytes')
      report.overload = tell('overload', gather(await load(server, 10 * clients, Math.min(seconds, 20)))) // prettier-ignore
      report.overload.grownMegabytes = ((await gauge(server, 'process_bytes')) - quiet) / 1e6
      report.recovered = tell('recovered', gather(await load(server, 1, 3)))
      report.vanished = tell('vanished', await vanish(server, 1000))
    }
    await server.stop()
  }
  const model = await Seq2Seq.load(directory)
  let different = 0
  for (const [text, got] of results)
    if ((await model.translate([text], search))[0].text !== got) ++different
  await model.dispose()
  report.compared = { texts: results.size, different }
  report.gain = report.batched.sentencesPerSecond / report.single.sentencesPerSecond
  report.p99OverOneClient = report.batched.p99 / report.batchedOneClient.p50
  const { compared, gain, p99OverOneClient } = report
  console.log({ compared, gain, p99OverOneClient })
  if (options.out) writeFileSync(options.out, `${JSON.stringify(report, null, 1)}\n`)
  if (different > 0) process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true })
}
