/** Saved models under names of their own, servers over them, and requests as bytes. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { request, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { serveModels, type ModelServer } from '#dist/serve/server.js'
import { FIXTURES } from '../models/fixtures/recipes.mjs'

export type FixtureName =
  | 'autoencoder'
  | 'classifier'
  | 'dialogue'
  | 'forecaster'
  | 'language'
  | 'seq2seq'
  | 'summariser'
  | 'abstractive'
  | 'tagger'

export const fixture = (name: FixtureName): string => join(FIXTURES, name, 'model')

export function temporary(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'rnnative-serve-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  return root
}

/** A server of such models, each under its family's name, until the test ends. */
export async function serving(
  t: ExecutionContext,
  names: readonly FixtureName[],
  options: Parameters<typeof serveModels>[1] = {},
): Promise<ModelServer & { root: string }> {
  const root = temporary(t)
  const directories = names.map((name) => {
    symlinkSync(resolve(fixture(name)), join(root, name))
    return join(root, name)
  })
  const server = await serveModels(directories, { port: 0, ...options })
  t.teardown(() => server.close())
  return Object.assign(server, { root })
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
  json: Record<string, unknown>
}

/** A request; `body`: text as it is, anything else as JSON. */
export function send(
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((done, fail) => {
    const method = body === undefined ? 'GET' : 'POST'
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request(url, { method, headers: { ...type, ...headers } }, (answer) => {
      textOf(answer).then((text) => {
        const { statusCode: status = 0 } = answer
        const isJson = (answer.headers['content-type'] ?? '').startsWith('application/json')
        const json = isJson ? (JSON.parse(text) as Answer['json']) : {}
        done({ status, headers: answer.headers, body: text, json })
      }, fail)
    })
    sent.on('error', fail)
    sent.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body))
  })
}

/** What a server answers to bytes, until it closes; '' where it just closes. `vanishing`: leaves amid the answer. */
export function raw(url: string, bytes: string | Uint8Array, vanishing = false): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((done) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
      if (vanishing) socket.destroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => done(text))
    socket.write(bytes)
    if (!vanishing) socket.end()
  })
}

/** Throws unless two results are the same but for the last digits of numbers. */
export function alike(t: ExecutionContext, got: unknown, wanted: unknown, path = ''): void {
  if (typeof wanted === 'number' && typeof got === 'number' && got !== wanted) {
    const near = Math.abs(got - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted))
    return void t.true(near, `${path}: ${got}, expected ${wanted}`)
  }
  if (typeof wanted !== 'object' || wanted === null || typeof got !== 'object' || got === null)
    return void t.deepEqual(got, wanted, path)
  const plain = (x: object) => (ArrayBuffer.isView(x) ? Array.from(x as Float32Array) : x)
  const [a, b] = [plain(got) as object, plain(wanted) as object]
  const keys = Object.keys(b)
  t.deepEqual(Object.keys(a).sort(), [...keys].sort(), path)
  for (const key of keys)
    alike(t, (a as never)[key] as unknown, (b as never)[key] as unknown, `${path}.${key}`)
}
