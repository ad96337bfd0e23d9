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

function hostOf(url: string): { name: string; authority: string } | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, host } = new URL(url)
  return { name: hostname.replace(/^\[(.*)\]$/, '$1'), authority: host }
}
