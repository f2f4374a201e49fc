// What a server of models suffers, for minutes where CI takes seconds:
//
//   node test/acceptance/serve-abuse.mjs [rounds, 2000]
//
// Fuzzed requests, bodies that come a byte at a time or never, bodies of 100 MB, a thousand clients that vanish amid a
// stream, ten times more requests than wait. After each it must answer as before, its memory must not have grown by more than
// 100 MB, and the answers be those of `translate`.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Seq2Seq } from 'rnnative'

const rounds = Number(process.argv[2] ?? 2000)
const directory = path.resolve('test/models/fixtures/seq2seq/model')
const args = ['dist/cli/main.js', 'serve', '--model', directory, '--port', '0', '--max-queue', '64']
const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
child.on('exit', (code) => code !== 0 && assert.fail(`the server ended with ${code}`))
const line = await new Promise((resolve) =>
  createInterface({ input: child.stdout }).once('line', resolve),
)
const url = /http:\S+/.exec(line)[0]
const { port } = new URL(url)

function send(target, body) {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' }
    const method = body === undefined ? 'GET' : 'POST'
    const sent = http.request(`${url}${target}`, { method, headers, agent: false }, (answer) =>
      textOf(answer).then((text) => resolve({ status: answer.statusCode, text })),
    )
    sent.on('error', () => resolve({ status: 0 })).end(body)
  })
}

const TARGET = '/v1/models/model/translate'
const model = await Seq2Seq.load(directory)
const [wanted] = await model.translate(['abc'], { beam: 3 })
await model.dispose()

async function memory() {
  const { text } = await send('/metrics')
  return Number(/^rnnative_process_bytes (\d+)$/m.exec(text)[1]) / 1e6
}

/** Answers as it did, and has not grown. */
async function check(name, before) {
  const { status, text } = await send(TARGET, JSON.stringify({ inputs: ['abc'], beam: 3 }))
  assert.equal(status, 200, name)
  assert.equal(JSON.parse(text).results[0].text, wanted.text)
  const grown = (await memory()) - before
  console.log(`${name}: answers as before, ${grown.toFixed(1)} MB more`)
  assert.ok(grown < 100, `${name}: ${grown} MB`)
}

const head = (length, more = '') =>
  `POST ${TARGET} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${more}${length === null ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`}\r\n\r\n`

/** A connection; `use` writes to it. Resolves with what came when it closes. */
function connect(use) {
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), '127.0.0.1', () => use(socket))
    let text = ''
    socket.on('data', (piece) => (text += piece.toString('latin1')))
    socket.on('error', () => undefined).on('close', () => resolve(text))
  })
}

let state = 1
const random = (n) => (state = (state * 48271) % 2147483647) % n

const values = ['abc', '', 'a'.repeat(6000), '\ud800', 7, -1, 1e308, null, true, [], {}, [[]], ['a', 1], '\u0000'] // prettier-ignore
const names = ['inputs', 'beam', 'nBest', 'maxLength', 'alignments', 'stream', '__proto__', 'constructor', 'x'] // prettier-ignore
function fuzzedBody() {
  const body = random(8) === 0 ? values[random(values.length)] : { inputs: [values[random(3)]] }
  if (typeof body === 'object' && body !== null)
    for (let i = random(4); i > 0; --i) body[names[random(names.length)]] = values[random(values.length)] // prettier-ignore
  let text = JSON.stringify(body)
  for (let i = random(3); i > 0; --i) {
    const at = random(text.length)
    text = text.slice(0, at) + String.fromCharCode(random(300)) + text.slice(at + random(2))
  }
  return text
}

async function fuzz() {
  const statuses = new Map()
  for (let i = 0; i < rounds; i += 20) {
    const some = Array.from({ length: 20 }, () => send(TARGET, fuzzedBody()))
    for (const { status } of await Promise.all(some))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  console.log('fuzzed bodies:', Object.fromEntries(statuses))
  assert.ok(!statuses.has(500) && !statuses.has(0))
  const good = `${head(27)}{"inputs":["abc"],"beam":2}`
  for (let i = 0; i < rounds; i += 20)
    await Promise.all(
      Array.from({ length: 20 }, () =>
        connect((socket) => {
          const bytes = Buffer.from(good)
          for (let j = 0; j < 5; ++j) bytes[random(bytes.length)] = random(256)
          socket.end(bytes)
        }),
      ),
    )
}

const slow = () =>
  Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      connect(async (socket) => {
        const bytes = i % 2 ? head(1000) : head(1000).slice(0, 40)
        for (let at = 0; at < 1000 && !socket.destroyed; ++at) {
          socket.write(at < bytes.length ? bytes[at] : ' ')
          await sleep(i % 3 ? 200 : 20_000)
        }
      }),
    ),
  )

const large = () =>
  Promise.all(
    [100_000_000, null].flatMap((length) =>
      Array.from({ length: 8 }, () =>
        connect(async (socket) => {
          socket.write(head(length))
          const piece = Buffer.alloc(1 << 16, 32)
          for (let sent = 0; sent < 100_000_000 && !socket.destroyed; sent += piece.length) {
            if (length === null) socket.write(`${piece.length.toString(16)}\r\n`)
            const room = socket.write(piece)
            if (length === null) socket.write('\r\n')
            if (!room) await Promise.race([new Promise((done) => socket.once('drain', done)), sleep(100)]) // prettier-ignore
          }
          socket.end()
        }).then((answer) => assert.ok(answer === '' || / 4\d\d /.test(answer), answer)),
      ),
    ),
  )

async function vanish() {
  const body = JSON.stringify({ inputs: ['abc'], stream: true, minLength: 1000, maxLength: 1024 })
  const post = head(body.length).replace('translate', 'sample') + body
  for (let i = 0; i < 1000; i += 100)
    await Promise.all(
      Array.from({ length: 100 }, () =>
        connect((socket) => {
          socket.write(post)
          socket.once('data', () => socket.destroy())
        }),
      ),
    )
  for (let i = 0; i < 100; ++i) {
    const { text } = await send('/metrics')
    if (/inputs_running\{[^}]*\} 0/.test(text)) return
    await sleep(50)
  }
  assert.fail('streams go on without clients')
}

async function overload() {
  const body = JSON.stringify({ inputs: ['abcdef'], beam: 8, minLength: 100, maxLength: 100 })
  const times = []
  const answers = await Promise.all(
    Array.from({ length: 700 }, async () => {
      const began = performance.now()
      const answer = await send(TARGET, body)
      if (answer.status === 503) times.push(performance.now() - began)
      return answer.status
    }),
  )
  const count = (status) => answers.filter((one) => one === status).length
  console.log(`overload: ${count(200)} answered, ${count(503)} refused`)
  assert.equal(count(200) + count(503), 700)
}

try {
  await check('at first', await memory())
  const before = await memory()
  for (const one of [fuzz, slow, large, vanish, overload]) {
    await one()
    await check(one.name, before)
  }
} finally {
  child.kill('SIGTERM')
}
