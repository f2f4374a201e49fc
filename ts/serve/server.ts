/** The server behind `rnnative serve`: one HTTP interface over all families of models. */
import { isPath } from '../check'
import { expect, RnnativeError } from '../errors'
import { ioError } from '../io/files'
import type { Given, Made } from '../schema'
import { checkAddress, nameCheck, tokenCheck, urlOf } from './access'
import { refusalOf, refuse, sendEvents, sendJson } from './answers'
import { makeApp, type App, type Reply, type Request } from './fastify'
import { Metrics } from './metrics'
import { serverOptions } from './options'
import { bodyOf, openapi, pathOf, type BodyLimits } from './openapi'
import { CONTENT_POLICY, tryPage } from './page'
import { namesOf, Served } from './served'
import type { Verb, VerbOptions } from './verb'

type Options = Made<typeof serverOptions.rows>

/** A server that listens. */
export interface ModelServer extends AsyncDisposable {
  readonly url: string
  /** Loads every model anew, without a request being dropped; one that fails stays as it was, and rejects. */
  reload(): Promise<void>
  /** Takes no more, and resolves when all that was asked is answered. */
  close(): Promise<void>
}

/** Inputs of one request. */
const MOST_INPUTS = 128

/** Characters of a text whose attention is told: the product of two lengths is kept for each hypothesis. */
const MOST_ATTENDED = 500

/** Connections at a time; more are closed at once. */
const MOST_CONNECTIONS = 1024

/** What anybody may read: it tells nothing of the models. */
const PUBLIC = ['/', '/health', '/ready']

/**
 * Serves saved models. `ERR_ARGUMENT` for options that make no sense, and where fastify is not installed; `ERR_IO` where it
 * cannot listen, or a model cannot be read.
 */
export async function serveModels(
  directories: readonly string[],
  given: Given<typeof serverOptions.rows> = {},
): Promise<ModelServer> {
  const options = serverOptions.resolve(given)
  const valid = directories.length > 0 && directories.every(isPath)
  expect('serve', 'model', valid, 'a directory, or several', directories)
  checkAddress('serve', options)
  const app = makeApp('serve', options.maxBody)
  const models: Served[] = []
  try {
    const { maxBatch, maxWait, maxQueue } = options
    for (const [name, directory] of namesOf(directories))
      models.push(await Served.load(name, directory, { maxBatch, maxWait, maxQueue }))
    return await new Server(app, models, options).listen()
  } catch (error) {
    await Promise.all(models.map((one) => one.close()))
    throw error
  }
}

class Server implements ModelServer {
  url = ''
  private readonly metrics = new Metrics()
  private readonly limits: BodyLimits
  private closing: Promise<void> | null = null

  constructor(
    private readonly app: App,
    private readonly models: readonly Served[],
    private readonly options: Options,
  ) {
    const { maxQueue, maxLength } = options
    this.limits = { inputs: Math.min(MOST_INPUTS, maxQueue), length: maxLength }
    this.guard()
    this.describe()
    for (const model of models)
      for (const [name, verb] of Object.entries(model.batcher.verbs))
        this.route(model, name, verb as Verb)
  }

  async listen(): Promise<this> {
    const { host, port } = this.options
    this.app.server.maxConnections = MOST_CONNECTIONS
    try {
      await this.app.listen({ host, port })
    } catch (error) {
      throw ioError('serve', urlOf(host, port), error)
    }
    const address = this.app.server.address() as { port: number }
    this.url = urlOf(host, address.port)
    return this
  }

  /** Names and tokens are looked at before bodies are read; errors are told alike, wherever they come from. */
  private guard(): void {
    const { app } = this
    const [named, known] = [nameCheck(this.options.host), tokenCheck(this.options.token)]
    app.addHook('onRequest', async (request, reply) => {
      reply.header('x-content-type-options', 'nosniff')
      if (!named(request))
        return refuse(reply, { status: 403, code: 'ERR_ARGUMENT', message: 'host: not this one' })
      if (PUBLIC.includes(request.routeOptions.url ?? '') || known(request)) return undefined
      reply.header('www-authenticate', 'Bearer')
      return refuse(reply, {
        status: 401,
        code: 'ERR_ARGUMENT',
        message: 'token: missing or wrong',
      })
    })
    app.setErrorHandler((error, _, reply) => refuse(reply, refusalOf(error)))
    app.setNotFoundHandler((_, reply) =>
      refuse(reply, {
        status: 404,
        code: 'ERR_ARGUMENT',
        message: 'no such path: see /openapi.json',
      }),
    )
  }

  private describe(): void {
    const { models, limits, options } = this
    const description = openapi(models, limits, options.token !== undefined)
    const get = (url: string, send: (reply: Reply) => unknown) =>
      this.app.route({ method: 'GET', url, handler: (_, reply) => send(reply) })
    get('/', (reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', CONTENT_POLICY)
        .send(tryPage()),
    )
    get('/health', (reply) => sendJson(reply, { status: 'ok' }))
    get('/ready', (reply) =>
      sendJson(reply.code(this.closing ? 503 : 200), { ready: !this.closing }),
    )
    get('/metrics', (reply) => reply.type(Metrics.mime).send(this.metrics.text(models)))
    get('/openapi.json', (reply) => sendJson(reply, description))
    get('/v1/models', (reply) =>
      sendJson(reply, {
        models: models.map(({ name, type, batcher }) => ({
          ...{ name, type },
          verbs: Object.entries(batcher.verbs).map(([verb, all]) => {
            const { about, input, options, stream } = all as Verb
            return { name: verb, about, input, options, streams: stream !== undefined }
          }),
        })),
      }),
    )
  }

  private route(model: Served, name: string, verb: Verb): void {
    this.app.route({
      method: 'POST',
      url: pathOf(model.name, name),
      schema: { body: bodyOf(verb, this.limits) },
      handler: async (request, reply) => {
        const began = performance.now()
        const leave = this.bound(reply)
        reply.raw.once('close', () => {
          const seconds = (performance.now() - began) / 1000
          this.metrics.count({ model: model.name, verb: name }, reply.raw.statusCode, seconds)
        })
        return this.answer(model, name, request, reply, leave)
      },
    })
  }

  private async answer(
    { batcher }: Served,
    verb: string,
    { body }: Request,
    reply: Reply,
    { signal, end }: Bound,
  ): Promise<Reply> {
    const { inputs, stream, ...options } = body as VerbOptions & { inputs: unknown[] }
    if (options['alignments'] === true) {
      const short = inputs.every((one) => (one as ArrayLike<unknown>).length <= MOST_ATTENDED)
      expect(
        'serve',
        'inputs',
        short,
        `at most ${MOST_ATTENDED} characters with alignments`,
        inputs,
      )
    }
    // Bodies have been held against their schema, which is that of the verb's own types.
    const ask = batcher as unknown as Untyped
    if (stream === true) {
      expect('serve', 'inputs', inputs.length === 1, 'one input where it is streamed', inputs)
      return sendEvents(reply, ask.stream(verb, inputs[0], { ...options, signal }), end)
    }
    try {
      return sendJson(reply, { results: await ask.askAll(verb, inputs, { ...options, signal }) })
    } finally {
      end()
    }
  }

  /** Ends what is done for a client when it leaves, or when it takes too long. */
  private bound(reply: Reply): Bound {
    const ending = new AbortController()
    const late = new RnnativeError(
      'ERR_ABORTED',
      `[serve] took more than ${this.options.timeout} ms`,
    )
    const timer = setTimeout(() => ending.abort(late), this.options.timeout)
    reply.raw.once('close', () => {
      clearTimeout(timer)
      ending.abort()
    })
    return { signal: ending.signal, end: () => clearTimeout(timer) }
  }

  async reload(): Promise<void> {
    const ended = await Promise.allSettled(this.models.map((one) => one.reload()))
    for (const result of ended) if (result.status === 'rejected') throw result.reason
  }

  close(): Promise<void> {
    this.closing ??= this.drain()
    return this.closing
  }

  private async drain(): Promise<void> {
    // No request takes longer than this; who reads its answer that slowly is not waited for.
    const late = setTimeout(() => this.app.server.closeAllConnections(), this.options.timeout)
    try {
      await this.app.close()
    } finally {
      clearTimeout(late)
      await Promise.all(this.models.map((one) => one.close({ now: true })))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

interface Bound {
  signal: AbortSignal
  /** Nothing is to be ended any more. */
  end(): void
}

interface Untyped {
  askAll(verb: string, inputs: unknown[], options: object): Promise<unknown[]>
  stream(verb: string, input: unknown, options: object): AsyncGenerator<string, void, void>
}
