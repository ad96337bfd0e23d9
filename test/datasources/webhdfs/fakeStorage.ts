import { type AddressInfo, createServer } from 'node:net'
import { afterEach, expect } from 'vitest'
import type { Storage } from '../../../src/datasources/storage.ts'
import { webHdfsStorage } from '../../../src/datasources/webHdfsStorage.ts'
import type { WebHdfsSettings } from '../../../src/datasources/webhdfs/settings.ts'
import { noise } from '../../contract/files.ts'
import {
  answerException,
  answerJson,
  type FakeNode,
  type Handler,
  nameNodeOf,
  redirect,
  SHORT,
  serveFake,
  statusOf,
  transferAddress,
} from './fakeHdfs.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  // The keeper's agents and uploads, and the fakes: nothing keeps a process alive after close.
  const left = () => process.getActiveResourcesInfo().filter(resource => resource.startsWith('TCP'))
  await expect.poll(left).toEqual([])
})

/** A fake node that is closed after the test. */
export async function fake(handle: Handler): Promise<FakeNode> {
  const node = await serveFake(handle)
  closers.push(() => node.close())
  return node
}

/** A storage over fake NameNodes, with short deadlines, closed after the test. */
export function open(...nameNodes: { address: string }[]): Storage {
  return openWith({}, ...nameNodes)
}

/** The same with further settings. */
export function openWith(settings: Partial<WebHdfsSettings>, ...nameNodes: { address: string }[]): Storage {
  const addresses = nameNodes.map(({ address }) => address)
  const storage = webHdfsStorage({ nameNodes: addresses, user: 'root', root: '/', settings: { ...SHORT, ...settings } })
  closers.push(() => storage.close())
  return storage
}

/** An address where nothing listens. */
export async function nobody(): Promise<{ address: string }> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return { address: `127.0.0.1:${port}` }
}

export const ops = (node: FakeNode) => node.requests.map(({ op }) => op)

/** The file of all fakes. */
export const BYTES = noise(3000)
export const whole = { offset: 0, length: BYTES.length }

/** A NameNode that sends OPEN and CREATE to the first of its DataNodes that is not excluded. */
export function sendsTo(dataNodes: () => string[], status: () => object = () => statusOf(BYTES.length)): Handler {
  return nameNodeOf(dataNodes, (received, response) => {
    if (received.op === 'GETFILESTATUS') return answerJson(response, status())
    const excluded = (received.query.get('excludedatanodes') ?? '').split(',')
    const chosen = dataNodes().find(address => !excluded.includes(transferAddress(address)))
    if (chosen !== undefined) return redirect(response, received, chosen)
    if (received.op === 'OPEN') return answerException(response, 'IOException', 'No active nodes contain this block')
    answerException(response, 'IOException', 'Failed to find datanode, suggest to check cluster health.')
  })
}

/** A DataNode as it should be. */
export const sendsBytes: Handler = ({ query }, response) => {
  const offset = Number(query.get('offset'))
  const bytes = BYTES.subarray(offset, offset + Number(query.get('length')))
  response.writeHead(200, { 'content-length': bytes.length, connection: 'close' }).end(bytes)
}
