/** Who may ask: by address, by name and by token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { RnnativeError } from '../errors'
import type { Request } from './fastify'

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

/** Throws `ERR_ARGUMENT` where others could reach a server that asks for no token, unless that is meant. */
export function checkAddress(
  op: string,
  { host, token, open }: { host: string; token: string | undefined; open: boolean },
): void {
  if (isLoopback(host) || token !== undefined || open) return
  throw new RnnativeError(
    'ERR_ARGUMENT',
    `[${op}] host: expected an address of this machine alone, such as 127.0.0.1, without a token (or open), got ${host}`,
  )
}

export const urlOf = (host: string, port: number): string =>
  `http://${isIPv6(host) ? `[${host}]` : host}:${port}`

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Whether a request bears the token. It takes as long whatever it bears. */
export function tokenCheck(token: string | undefined): (request: Request) => boolean {
  if (token === undefined) return () => true
  const wanted = digest(`Bearer ${token}`)
  return ({ headers }) => timingSafeEqual(digest(headers.authorization ?? ''), wanted)
}

/**
 * Whether a request names this machine, where only it is served: a page of another site, whose name was made to lead here,
 * does not.
 */
export function nameCheck(host: string): (request: Request) => boolean {
  if (!isLoopback(host)) return () => true
  return ({ headers }) => {
    const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
    return isLoopback(name.toLowerCase())
  }
}
