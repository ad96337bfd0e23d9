import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { WebHdfsSettings } from './settings.ts'

/**
 * Addresses of Hadoop's hosts. A name server may take seconds for any name just when a machine is gone (one for containers
 * does), and a look-up counts against the deadline of its connection: a healthy DataNode would seem unreachable. So names
 * are remembered, and one that is not answered soon stands for the address that it last had, or that the NameNode knows.
 */
export interface HostAddresses {
  /** For the sockets of net, http and undici. Look-ups of one name at the same time share one. */
  readonly lookup: LookupFunction
  /** `host` has registered with the NameNode from `address`; taken where the name server gives none in time. */
  registered(host: string, address: string): void
}

/** How the machine resolves a name: all its addresses. */
export type Resolve = (host: string) => Promise<LookupAddress[]>

type Callback = Parameters<LookupFunction>[2]

/** @param nowMillis a clock that never goes back, in milliseconds. */
export function createHostAddresses(
  { lookUpMillis, rememberAddressMillis }: Pick<WebHdfsSettings, 'lookUpMillis' | 'rememberAddressMillis'>,
  resolve: Resolve = resolveBySystem,
  nowMillis: () => number = () => performance.now(),
): HostAddresses {
  const remembered = new Map<string, { addresses: LookupAddress[]; atMillis: number }>()
  const registrations = new Map<string, LookupAddress[]>()
  const running = new Map<string, Promise<LookupAddress[]>>()

  async function addressesOf(host: string): Promise<LookupAddress[]> {
    const last = remembered.get(host)
    if (last && nowMillis() - last.atMillis < rememberAddressMillis) return last.addresses
    const answer = running.get(host) ?? ask(host)
    const substitute = last?.addresses ?? registrations.get(host)
    return substitute ? await soonOr(substitute, answer) : await answer
  }

  function ask(host: string): Promise<LookupAddress[]> {
    const answer = resolve(host)
      .then(addresses => {
        remembered.set(host, { addresses, atMillis: nowMillis() })
        return addresses
      })
      .finally(() => running.delete(host))
    running.set(host, answer)
    return answer
  }

  /** A name that is not there any more is an answer; a name server that is in trouble is none. */
  async function soonOr(substitute: LookupAddress[], answer: Promise<LookupAddress[]>): Promise<LookupAddress[]> {
    const late = Promise.withResolvers<LookupAddress[]>()
    const timer = setTimeout(() => late.resolve(substitute), lookUpMillis)
    try {
      return await Promise.race([answer, late.promise])
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAI_AGAIN') return substitute
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    lookup(host, options, callback) {
      addressesOf(host).then(
        addresses => give(host, addresses, options, callback),
        (error: NodeJS.ErrnoException) => callback(error, []),
      )
    },
    registered(host, address) {
      const family = isIP(address)
      if (family !== 0) registrations.set(host, [{ address, family }])
    },
  }
}

function give(host: string, addresses: LookupAddress[], { family, all }: LookupOptions, callback: Callback): void {
  const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : undefined
  const fitting = addresses.filter(address => wanted === undefined || address.family === wanted)
  const first = fitting[0]
  if (all) callback(null, fitting)
  else if (first) callback(null, first.address, first.family)
  else callback(Object.assign(new Error(`${host} has no address of family ${wanted}`), { code: 'ENOTFOUND' }), [])
}

function resolveBySystem(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)))
  })
}
