import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test, vi } from 'vitest'
import { freePort, isFree } from '../../harness/ports.ts'

test('a free port can be listened on, and is then no longer free', async () => {
  const port = await freePort('127.0.0.11')
  const server = createServer().listen(port, '127.0.0.11')
  await once(server, 'listening')
  expect(await isFree('127.0.0.11', port)).toBe(false)
  server.close()
  await once(server, 'close')
  expect(await isFree('127.0.0.11', port)).toBe(true)
})

test('a port is given once, also where nothing listens on it yet', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(0.5).mockReturnValueOnce(0.5)
  const ports = [await freePort('127.0.0.1'), await freePort('127.0.0.1')]
  random.mockRestore()
  expect(ports[0]).not.toBe(ports[1])
})

test('an address that is not of this machine is an error', async () => {
  await expect(freePort('192.0.2.1')).rejects.toThrow('EADDRNOTAVAIL')
})
