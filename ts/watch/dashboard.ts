/** The server behind `rnnative watch`: curves of runs from their files, to be looked at in a browser. */
import { stat } from 'node:fs/promises'
import { checkPath } from '../check'
import { RnnativeError } from '../errors'
import { ioError } from '../io/files'
import type { Given } from '../schema'
import { nameCheck, urlOf } from '../serve/access'
import { refusalOf, refuse, sendJson } from '../serve/answers'
import { makeApp, type Request } from '../serve/fastify'
import { dashboardOptions } from './dashboard-options'
import { dashboardPage } from './page'
import { Runs } from './runs/runs'
import type { RunFiles } from './runs/run-files'

export interface Dashboard extends AsyncDisposable {
  readonly url: string
  close(): Promise<void>
}

const HOST = '127.0.0.1'

/** Points of a curve, unless a browser asks for another number. */
const POINTS = 1000

/**
 * Shows the runs in and below a directory at an address of this machine alone. `ERR_IO` where there is no such directory,
 * or the port is taken; `ERR_ARGUMENT` where a package is missing.
 */
export async function dashboard(
  directory: string,
  given: Given<typeof dashboardOptions.rows> = {},
): Promise<Dashboard> {
  const { port } = dashboardOptions.resolve(given)
  checkPath('watch', 'directory', directory)
  const found = await stat(directory).catch((error: unknown) => {
    throw ioError('watch', directory, error)
  })
  if (!found.isDirectory())
    throw new RnnativeError('ERR_IO', `[watch] ${directory}: is not a directory`)
  const { html, policy } = dashboardPage()
  const app = makeApp('watch', 1024)
  const named = nameCheck(HOST)
  const runs = new Runs(directory)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
    if (named(request)) return undefined
    return refuse(reply, { status: 403, code: 'ERR_ARGUMENT', message: 'host: not this one' })
  })
  app.setErrorHandler((error, _, reply) => refuse(reply, refusalOf(error)))
  app.setNotFoundHandler((_, reply) =>
    refuse(reply, { status: 404, code: 'ERR_ARGUMENT', message: 'no such path' }),
  )
  app.route({
    ...{ method: 'GET', url: '/' },
    handler: (_, reply) =>
      reply.type('text/html; charset=utf-8').header('content-security-policy', policy).send(html),
  })
  app.route({
    ...{ method: 'GET', url: '/v1/runs' },
    handler: async (_, reply) => {
      await runs.refresh()
      return sendJson(reply, { directory, runs: runs.all.map(told) })
    },
  })
  app.route({
    ...{ method: 'GET', url: '/v1/curves' },
    handler: (request, reply) => sendJson(reply, { curves: curvesOf(runs, request) }),
  })
  try {
    await app.listen({ host: HOST, port })
  } catch (error) {
    throw ioError('watch', urlOf(HOST, port), error)
  }
  const address = app.server.address() as { port: number }
  const close = () => app.close()
  return { url: urlOf(HOST, address.port), close, [Symbol.asyncDispose]: close }
}

/** What is listed of a run. */
const told = ({ name, curves, texts, allSettings, stopped, updated }: RunFiles) => ({
  ...{ name, texts, settings: allSettings, stopped },
  seconds: updated === 0 ? null : (Date.now() - updated) / 1000,
  steps: Math.max(0, ...Array.from(curves.values(), ({ last }) => last?.step ?? 0)),
  curves: Array.from(curves, ([tag, { length, last }]) => ({ tag, length, last })),
})

/** By tag and run, of those that are asked for, from one step to another. */
function curvesOf(runs: Runs, { query }: Request) {
  const number = (name: string, usual: number) => {
    const value = Number(query[name] ?? usual)
    return Number.isFinite(value) ? value : usual
  }
  const [from, to] = [number('from', 0), number('to', Number.MAX_SAFE_INTEGER)]
  const most = number('points', POINTS)
  const tags = ([] as string[]).concat(query['tag'] ?? [])
  const names = ([] as string[]).concat(query['run'] ?? [])
  return tags.map((tag) => ({
    tag,
    runs: names.flatMap((name) => {
      const curve = runs.get(name)?.curves.get(tag)
      return curve ? [{ name, ...curve.points(from, to, most) }] : []
    }),
  }))
}
