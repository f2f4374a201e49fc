import test from 'ava'
import { rmSync, symlinkSync } from 'node:fs'
import { get } from 'node:http'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LanguageModel, Seq2Seq, Tokenizer } from 'rnnative'
import { serveModels } from '#dist/serve/server.js'
import { letters, text } from '../models/fixtures/recipes.mjs'
import { alike, fixture, raw, send, serving } from './support.mjs'

const errorOf = ({ json }: { json: Record<string, unknown> }) =>
  json['error'] as { code: string; message: string }

test('models are asked over HTTP what they are asked in a program', async (t) => {
  const { url } = await serving(t, ['seq2seq', 'classifier', 'forecaster'])
  await using model = await Seq2Seq.load(fixture('seq2seq'))
  const search = { beam: 2, maxLength: 8, alignments: true }
  const path = `${url}/v1/models/seq2seq/translate`
  const all = await Promise.all(letters.map((one) => send(path, { inputs: [one], ...search })))
  for (const [i, { status, json }] of all.entries()) {
    t.is(status, 200)
    const [alone] = await model.translate([letters[i] as string], search)
    alike(t, (json['results'] as unknown[])[0], alone)
  }
  const several = await send(`${url}/v1/models/classifier/classify`, {
    inputs: ['a joy', ''],
    top: 1,
  })
  t.is((several.json['results'] as unknown[]).length, 2)
  const rows = Array.from({ length: 20 }, (_, i) => ({
    ...{ place: 'n', date: new Date(Date.UTC(2024, 2, 1 + i)).toISOString().slice(0, 10) },
    ...{ y: i % 7, event: 0 },
  }))
  const known = rows.map((row, i) => (i < 13 ? row : { ...row, y: null }))
  const forecast = await send(`${url}/v1/models/forecaster/forecast`, { inputs: [known] })
  t.is(forecast.status, 200, forecast.body)
})

test('it describes itself, tells how it does and counts', async (t) => {
  const { url } = await serving(t, ['seq2seq', 'language'])
  const { json: description } = await send(`${url}/openapi.json`)
  const paths = description['paths'] as Record<string, never>
  t.true('/v1/models/seq2seq/translate' in paths && '/v1/models/language/generate' in paths)
  const { json } = await send(`${url}/v1/models`)
  const models = json['models'] as { name: string; verbs: { name: string; streams: boolean }[] }[]
  t.deepEqual(
    models.map(({ name, verbs }) => [name, ...verbs.map((verb) => verb.name)]),
    [
      ['seq2seq', 'translate', 'sample', 'embed'],
      ['language', 'generate', 'score'],
    ],
  )
  t.is((await send(`${url}/health`)).body, '{"status":"ok"}')
  t.is((await send(`${url}/ready`)).status, 200)
  await send(`${url}/v1/models/language/score`, { inputs: ['the sea', 'a'] })
  await send(`${url}/v1/models/language/score`, { inputs: 7 })
  const { body, headers } = await send(`${url}/metrics`)
  t.regex(headers['content-type'] ?? '', /^text\/plain; version=0.0.4/)
  for (const line of [
    'rnnative_requests_total{model="language",verb="score",status="200"} 1',
    'rnnative_request_seconds_count{model="language",verb="score"} 1',
    'rnnative_inputs_total{model="language"} 2',
    'rnnative_batches_total{model="language"} 1',
    'rnnative_inputs_waiting{model="seq2seq"} 0',
  ])
    t.true(body.includes(`${line}\n`), `${line}\n${body}`)
})

test('tokens come as events, and stop when the client goes', async (t) => {
  const server = await serving(t, ['language', 'seq2seq'], { maxBatch: 2 })
  const { url } = server
  await using model = await LanguageModel.load(fixture('language'))
  let whole = ''
  for await (const piece of model.generate('the ', { length: 30, seed: 4 })) whole += piece
  const path = `${url}/v1/models/language/generate`
  const { body, headers } = await send(path, {
    inputs: ['the '],
    length: 30,
    seed: 4,
    stream: true,
  })
  t.regex(headers['content-type'] ?? '', /^text\/event-stream/)
  const events = body
    .trim()
    .split('\n\n')
    .map((event) => event.split('\n'))
  t.deepEqual(events.at(-1), ['event: done', 'data: {}'])
  const told = events.slice(0, -1).map(([, data]) => JSON.parse(data!.slice(6)) as { text: string })
  t.is(told.map(({ text }) => text).join(''), whole)
  const drawn = { inputs: ['abc'], temperature: 0, stream: true }
  t.regex((await send(`${url}/v1/models/seq2seq/sample`, drawn)).body, /event: done/)

  // More than have a place, and all of them vanish.
  const bodies = JSON.stringify({ inputs: [''], length: 1024, stream: true })
  const post = `POST /v1/models/language/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bodies.length}\r\n\r\n${bodies}`
  const answers = await Promise.all(Array.from({ length: 40 }, () => raw(url, post, true)))
  t.true(
    answers.some((answer) => answer.startsWith('HTTP/1.1 503') && /retry-after: 1/i.test(answer)),
  )
  const running = async () =>
    /inputs_running\{model="language"\} (\d+)/.exec((await send(`${url}/metrics`)).body)?.[1]
  for (let i = 0; i < 100 && (await running()) !== '0'; ++i) await sleep(50)
  t.is(await running(), '0')
  t.is((await send(path, { inputs: ['the '], length: 3 })).status, 200)
})

test('a full queue answers 503 at once, and what takes too long 504', async (t) => {
  const { url } = await serving(t, ['seq2seq'], { maxQueue: 4, maxBatch: 1, maxWait: 0 })
  const path = `${url}/v1/models/seq2seq/translate`
  const slow = { inputs: ['abcdef'], beam: 8, minLength: 200, maxLength: 200 }
  const all = await Promise.all(Array.from({ length: 16 }, () => send(path, slow)))
  const statuses = new Set(all.map(({ status }) => status))
  t.deepEqual([...statuses].sort(), [200, 503])
  for (const one of all)
    if (one.status === 503) {
      t.is(one.headers['retry-after'], '1')
      t.is(errorOf(one).code, 'ERR_BUSY')
    }
  t.is((await send(path, { inputs: ['abc'] })).status, 200)

  const hasty = await serving(t, ['seq2seq'], { timeout: 1 })
  const late = await send(`${hasty.url}/v1/models/seq2seq/translate`, slow)
  t.is(late.status, 504)
  t.deepEqual(errorOf(late), { code: 'ERR_ABORTED', message: '[serve] took more than 1 ms' })
})

test('bodies that make no sense are refused, and too large ones before they are read', async (t) => {
  const { url } = await serving(t, ['seq2seq'], { maxBody: 5000, maxLength: 600 })
  const path = `${url}/v1/models/seq2seq/translate`
  const cases: [number, unknown][] = [
    [400, '{'],
    [400, 'null'],
    [400, '[]'],
    [400, {}],
    [400, { inputs: [] }],
    [400, { inputs: 'abc' }],
    [400, { inputs: [7] }],
    [400, { inputs: ['a'], beam: 0 }],
    [400, { inputs: ['a'], beam: 1e9 }],
    [400, { inputs: ['a'], bean: 3 }],
    [400, { inputs: ['a'], stream: true }],
    [400, { inputs: ['a'.repeat(601)] }],
    [400, { inputs: new Array<string>(129).fill('a') }],
    [400, '{"inputs":["a"],"__proto__":{"beam":2}}'],
    [400, { inputs: ['a'], beam: 2, nBest: 3 }],
    [400, { inputs: ['a'.repeat(501)], alignments: true }],
    [413, { inputs: ['a'.repeat(6000)] }],
  ]
  for (const [status, body] of cases) {
    const answer = await send(path, body)
    t.is(answer.status, status, JSON.stringify(body).slice(0, 80))
    t.is(typeof errorOf(answer).message, 'string')
  }
  t.is((await send(path, 'inputs=a', { 'content-type': 'text/plain' })).status, 415)
  t.is((await send(`${url}/v1/models/none/translate`, { inputs: ['a'] })).status, 404)
  const large =
    'POST /v1/models/seq2seq/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n'
  t.regex(await raw(url, `${large}{"inputs":["`), /^HTTP\/1\.1 413/)
  t.is((await send(path, { inputs: ['abc'] })).status, 200)
})

test('bytes that are no requests do not hurt', async (t) => {
  const { url } = await serving(t, ['seq2seq'])
  let state = 1
  const random = () => (state = (state * 48271) % 2147483647)
  const line =
    'POST /v1/models/seq2seq/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  const body = '{"inputs":["abc"],"beam":2}'
  const good = Buffer.from(`${line}Content-Length: ${body.length}\r\n\r\n${body}`)
  const made = Array.from({ length: 60 }, () => {
    const bytes = Buffer.from(good)
    for (let i = 0; i < 4; ++i) bytes[random() % bytes.length] = random() % 256
    return bytes.subarray(0, random() % 3 === 0 ? random() % bytes.length : bytes.length)
  })
  made.push(Buffer.from(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`))
  await Promise.all(made.map((bytes) => raw(url, bytes)))
  t.is((await send(`${url}/v1/models/seq2seq/translate`, { inputs: ['abc'] })).status, 200)
})

test('others are let in with a token, and other names are refused', async (t) => {
  const path = fixture('seq2seq')
  await t.throwsAsync(serveModels([path], { host: '0.0.0.0', port: 0 }), {
    code: 'ERR_ARGUMENT',
    message: /host: expected an address of this machine alone.*got 0\.0\.0\.0/,
  })
  const open = await serveModels([path], { host: '0.0.0.0', port: 0, open: true })
  await open.close()
  const { url } = await serving(t, ['seq2seq'], { token: 'open sesame' })
  for (const public_ of ['/', '/health', '/ready']) t.is((await send(url + public_)).status, 200)
  for (const [status, authorization] of [
    [401, ''],
    [401, 'Bearer '],
    [401, 'Bearer open sesam'],
    [401, 'open sesame'],
    [200, 'Bearer open sesame'],
  ] as const)
    t.is((await send(`${url}/v1/models`, undefined, { authorization })).status, status)
  const body = { inputs: ['abc'] }
  t.is((await send(`${url}/v1/models/seq2seq/translate`, body)).status, 401)
  t.is((await send(`${url}/metrics`)).status, 401)
  t.is((await send(`${url}/nothing`)).status, 401)
  t.is((await send(url, undefined, { host: 'evil.example' })).status, 403)
})

test('models are replaced without a request being dropped', async (t) => {
  const server = await serving(t, ['language'])
  const path = `${server.url}/v1/models/language/score`
  const link = `${server.root}/language`
  const put = (target: string) => {
    rmSync(link)
    symlinkSync(target, link)
  }
  const scoreOf = async () => {
    const { status, json } = await send(path, { inputs: ['the whale'] })
    t.is(status, 200)
    return (json['results'] as number[])[0]
  }
  const before = await scoreOf()
  const other = `${server.root}/other`
  await using next = new LanguageModel({
    tokenizer: Tokenizer.characters(text),
    hidden: 5,
    seed: 9,
  })
  await next.save(other)
  put(other)
  let going = true
  const asking = (async () => {
    const found = new Set<number | undefined>()
    while (going) found.add(await scoreOf())
    return found
  })()
  await server.reload()
  const after = await scoreOf()
  going = false
  const found = await asking
  t.not(before, after)
  for (const score of found) t.true(score === before || score === after)
  // Another family, and nothing at all: what is there stays.
  put(resolve(fixture('seq2seq')))
  await t.throwsAsync(server.reload(), {
    code: 'ERR_ARGUMENT',
    message: /asked the same as before/,
  })
  put(`${server.root}/gone`)
  await t.throwsAsync(server.reload(), { code: 'ERR_IO' })
  t.is(await scoreOf(), after)
})

test('names are told apart, and what cannot be served is told', async (t) => {
  const path = fixture('language')
  await t.throwsAsync(serveModels([path, fixture('seq2seq')]), { message: /different names/ })
  await t.throwsAsync(serveModels([]), { message: /a directory, or several/ })
  await t.throwsAsync(serveModels(['nowhere']), { code: 'ERR_IO' })
  const { url } = await serving(t, ['language'])
  const port = Number(new URL(url).port)
  await t.throwsAsync(serveModels([path], { port }), { code: 'ERR_IO', message: /EADDRINUSE/ })
})

test('the page needs nothing else and may load nothing else', async (t) => {
  const { url } = await serving(t, ['language'])
  const { body, headers } = await send(url)
  t.regex(String(headers['content-security-policy']), /^default-src 'none'; script-src 'sha256-/)
  t.notRegex(body, /<(script|link|img)[^>]*(src|href)=/)
  const script = /<script>([\s\S]*)<\/script>/.exec(body)?.[1] ?? ''
  t.notThrows(() => new Function(script))
})

test('what was asked before the end is answered', async (t) => {
  const server = await serving(t, ['seq2seq'])
  const path = `${server.url}/v1/models/seq2seq/translate`
  const going = send(
    path,
    { inputs: ['abcdef'], beam: 8, minLength: 400, maxLength: 400 },
    { connection: 'close' },
  )
  const running = async () =>
    /inputs_running\{[^}]*\} 1/.test((await send(`${server.url}/metrics`)).body)
  for (let i = 0; i < 1000 && !(await running()); ++i) await sleep(1)
  const closed = server.close()
  t.is((await going).status, 200)
  await closed
  await new Promise<void>((done) => get(server.url).on('error', () => done()))
  t.pass()
})
