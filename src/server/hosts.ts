import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../settings/server.ts'

/**
 * True for a request that was meant for this server. A page of another site can make a browser connect to a loopback address, by a name
 * of its own that resolves to it, or by a WebSocket, which knows no same-origin rule: both would act with the rights of the
 * person at the machine.
 */
export function isForUs({ headers }: IncomingMessage, configuredHost: string): boolean {
  const host = hostOf(`http://${headers.host ?? ''}`)
  if (host === undefined || !(isLoopback(host.name) || host.name === configuredHost)) return false
  return headers.origin === undefined || hostOf(headers.origin)?.authority === host.authority
}

interface Host {
  name: string
  authority: string
}

/** Nearly every request names the same one or two, and to parse a URL is a twentieth of what a small request costs. */
const known = new Map<string, Host | undefined>()
const MAX_KNOWN = 100

function hostOf(url: string): Host | undefined {
  if (!known.has(url)) {
    if (known.size === MAX_KNOWN) known.clear()
    known.set(url, parseHost(url))
  }
  return known.get(url)
}

function parseHost(url: string): Host | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, host } = new URL(url)
  return { name: hostname.replace(/^\[(.*)\]$/, '$1'), authority: host }
}
