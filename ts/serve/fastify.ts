/** Fastify, an optional package: only who serves has it. Of it what is used, since its own types are missing where it is. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { needed } from '../packages'
import type { JsonSchema } from './json-schema'

export interface Request {
  readonly body: unknown
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly raw: IncomingMessage
  readonly routeOptions: { readonly url?: string | undefined }
}

export interface Reply {
  readonly raw: ServerResponse
  readonly sent: boolean
  code(status: number): Reply
  header(name: string, value: string): Reply
  type(mime: string): Reply
  send(body: unknown): Reply
}

type Handler = (request: Request, reply: Reply) => unknown

export interface Route {
  method: 'GET' | 'POST'
  url: string
  schema?: { body?: JsonSchema; querystring?: JsonSchema }
  handler: Handler
}

export interface App {
  readonly server: Server
  route(route: Route): unknown
  addHook(name: 'onRequest', hook: (request: Request, reply: Reply) => Promise<unknown>): unknown
  setErrorHandler(handler: (error: unknown, request: Request, reply: Reply) => unknown): unknown
  setNotFoundHandler(handler: Handler): unknown
  listen(options: { host: string; port: number }): Promise<string>
  close(): Promise<void>
}

/** Milliseconds in which a request's headers, and then all of it, must have come. */
const RECEIVING = 10_000

/** An application that takes nothing on trust: sizes and times of what comes are bounded. */
export function makeApp(op: string, bodyLimit: number): App {
  const app = load(op)({
    ...{ bodyLimit, exposeHeadRoutes: false, forceCloseConnections: 'idle' },
    ...{ requestTimeout: RECEIVING, keepAliveTimeout: 60_000 },
    http: {
      ...{ headersTimeout: RECEIVING, connectionsCheckingInterval: 1000 },
      ...{ maxHeaderSize: 16 * 1024 },
    },
    routerOptions: { maxParamLength: 256 },
    ajv: {
      customOptions: {
        ...{ coerceTypes: false, removeAdditional: false, useDefaults: false },
        ...{ allowUnionTypes: true, strictTypes: false },
      },
    },
  })
  // What is no JSON is refused, so that no page of another origin can post without being asked.
  app.removeContentTypeParser('text/plain')
  return app
}

type Make = (options: object) => App & { removeContentTypeParser(of: string): void }

const load = (op: string): Make =>
  needed(
    `[${op}] a server needs`,
    'fastify@5',
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    () => (require('fastify') as { fastify: Make }).fastify,
  )
