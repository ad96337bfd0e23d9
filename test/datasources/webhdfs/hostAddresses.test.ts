import type { LookupAddress, LookupOptions } from 'node:dns'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createHostAddresses, type HostAddresses } from '../../../src/datasources/webhdfs/hostAddresses.ts'

const settings = { lookUpMillis: 20, rememberAddressMillis: 10_000 }
const at = (address: string): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })

/** A name server whose answers the test gives when it likes. */
function nameServer() {
  const clock = { nowMillis: 0 }
  const questions: { host: string; answer: (...addresses: string[]) => void; fail: (code: string) => void }[] = []
  const resolve = (host: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<LookupAddress[]>()
    const fail = (code: string) => reject(Object.assign(new Error(`${host}: ${code}`), { code }))
    questions.push({ host, answer: (...addresses) => resolve(addresses.map(at)), fail })
    return promise
  }
  return { clock, questions, hosts: createHostAddresses(settings, resolve, () => clock.nowMillis) }
}

function lookUp({ lookup }: HostAddresses, host: string, options: LookupOptions = { all: true }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    lookup(host, options, (error, address) => (error ? reject(error) : resolve(address)))
  })
}

test('asks the name server once for look-ups at the same time, and again when the answer is old', async () => {
  const { clock, questions, hosts } = nameServer()
  const both = Promise.all([lookUp(hosts, 'dn-1'), lookUp(hosts, 'dn-1')])
  questions[0]!.answer('10.0.0.1')
  expect(await both).toEqual([[at('10.0.0.1')], [at('10.0.0.1')]])

  clock.nowMillis = 9_999
  await lookUp(hosts, 'dn-1')
  expect(questions).toHaveLength(1)

  clock.nowMillis = 10_000
  const later = lookUp(hosts, 'dn-1')
  questions[1]!.answer('10.0.0.2')
  expect(await later).toEqual([at('10.0.0.2')])
})

test('takes the last address while the name server keeps silent, and the new one when it has answered', async () => {
  const { clock, questions, hosts } = nameServer()
  const first = lookUp(hosts, 'dn-1')
  questions[0]!.answer('10.0.0.1')
  await first
  clock.nowMillis = 10_000
  expect(await lookUp(hosts, 'dn-1')).toEqual([at('10.0.0.1')])
  expect(questions).toHaveLength(2)
  questions[1]!.answer('10.0.0.2')
  await vi.waitFor(async () => expect(await lookUp(hosts, 'dn-1')).toEqual([at('10.0.0.2')]))
  expect(questions).toHaveLength(2)
})

test('takes the address that the NameNode knows for a name that nobody has looked up', async () => {
  const { hosts } = nameServer()
  hosts.registered('dn-2', '10.0.0.2')
  expect(await lookUp(hosts, 'dn-2')).toEqual([at('10.0.0.2')])
})

test('takes it too where the name server is in trouble, but not where the name is gone', async () => {
  const { questions, hosts } = nameServer()
  hosts.registered('dn-2', '10.0.0.2')
  const inTrouble = lookUp(hosts, 'dn-2')
  questions[0]!.fail('EAI_AGAIN')
  expect(await inTrouble).toEqual([at('10.0.0.2')])

  const gone = lookUp(hosts, 'dn-2')
  questions[1]!.fail('ENOTFOUND')
  await expect(gone).rejects.toThrow('dn-2: ENOTFOUND')
})

test('waits for the name server where nothing else is known', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { questions, hosts } = nameServer()
  const unknown = lookUp(hosts, 'dn-3')
  await vi.advanceTimersByTimeAsync(60_000)
  questions[0]!.answer('10.0.0.3')
  expect(await unknown).toEqual([at('10.0.0.3')])
})

test('gives one address, or those of one family, to who asks so', async () => {
  const { questions, hosts } = nameServer()
  const any = lookUp(hosts, 'dn-1', {})
  questions[0]!.answer('fd00::1', '10.0.0.1')
  expect(await any).toBe('fd00::1')
  expect(await lookUp(hosts, 'dn-1', { family: 4 })).toBe('10.0.0.1')
  expect(await lookUp(hosts, 'dn-1', { family: 6, all: true })).toEqual([at('fd00::1')])
})

test('fails where no address is of the family asked for', async () => {
  const { questions, hosts } = nameServer()
  const other = lookUp(hosts, 'dn-1', { family: 6 })
  questions[0]!.answer('10.0.0.1')
  await expect(other).rejects.toThrow('dn-1 has no address of family 6')
})
