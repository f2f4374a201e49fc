/** Answers to requests: JSON, events that come one after another, and what stands for an error. */
import { Readable } from 'node:stream'
import { RnnativeError } from '../errors'
import { isView, messageOf } from '../kinds'
import type { Reply } from './fastify'

const STATUS: Readonly<Record<string, number>> = {
  ...{ ERR_BUSY: 503, ERR_DISPOSED: 503, ERR_ABORTED: 504, ERR_OUT_OF_MEMORY: 503 },
  ...{ ERR_ARGUMENT: 400, ERR_EMPTY: 400, ERR_FORMAT: 400, ERR_INDEX: 400, ERR_SHAPE: 400 },
}

interface Refusal {
  status: number
  code: string
  message: string
}

/** What a client is told of an error: of those that are not its own fault no more than that there is one. */
export function refusalOf(error: unknown): Refusal {
  const { code, statusCode, cause } = error as Record<string, unknown>
  // Why it was aborted tells more than that it was.
  if (code === 'ERR_ABORTED' && cause instanceof RnnativeError) return refusalOf(cause)
  const own = typeof code === 'string' ? code : 'ERR_INTERNAL'
  const status = typeof statusCode === 'number' ? statusCode : (STATUS[own] ?? 500)
  return status === 500
    ? { status, code: 'ERR_INTERNAL', message: 'an error of the server' }
    : { status, code: own, message: messageOf(error) }
}

/** Seconds after which to come again. */
const RETRY = 1

export function refuse(reply: Reply, { status, code, message }: Refusal): Reply {
  if (status === 503) reply.header('retry-after', String(RETRY))
  return sendJson(reply.code(status), { error: { code, message } })
}

/** Typed arrays are lists; a number that is not finite is null. */
const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isView(inner) ? Array.from(inner as Float32Array) : inner,
  )

export const sendJson = (reply: Reply, value: unknown): Reply =>
  reply.type('application/json; charset=utf-8').send(jsonOf(value))

const event = (name: string, value: object): string =>
  `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`

async function* eventsOf(pieces: AsyncIterable<string>, end: () => void): AsyncGenerator<string> {
  try {
    for await (const text of pieces) yield event('piece', { text })
    yield event('done', {})
  } catch (error) {
    const { code, message } = refusalOf(error)
    yield event('error', { code, message })
  } finally {
    end()
  }
}

/** Server-sent events. No faster than they are read; when the reader leaves, the pieces are left. */
export const sendEvents = (reply: Reply, pieces: AsyncIterable<string>, end: () => void): Reply =>
  reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(eventsOf(pieces, end), { objectMode: false, highWaterMark: 1024 }))
