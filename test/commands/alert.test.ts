import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAlerts, deliveryTo } from '../../src/commands/alert.ts'
import type { Problem } from '../../src/files/track/overview.ts'

const problem = (cause: string): Problem => ({ cause, kind: 'failure', message: `It's "${cause}" $(touch evil).` })

describe('alerts', () => {
  test('each cause is told once, and again when it comes back', async () => {
    const told: string[] = []
    const alerts = createAlerts({ deliver: async ({ cause }) => void told.push(cause), onFailure: () => {} })
    alerts.see([problem('a')])
    alerts.see([problem('a'), problem('b')])
    await alerts.settled()
    expect(told).toEqual(['a', 'b'])
    alerts.see([problem('b')])
    alerts.see([problem('a'), problem('b')])
    await alerts.settled()
    expect(told).toEqual(['a', 'b', 'a'])
  })

  test('what cannot be delivered is tried three times, then said once, and the next is told all the same', async () => {
    const tried: string[] = []
    const failures: string[] = []
    const alerts = createAlerts({
      async deliver({ cause }) {
        tried.push(cause)
        if (cause === 'a') throw new Error('nobody is there')
      },
      onFailure: ({ cause }, reason) => void failures.push(`${cause}: ${reason}`),
    })
    for (let look = 0; look < 3; look++) alerts.see([problem('a'), problem('b')])
    await alerts.settled()
    expect(tried).toEqual(['a', 'a', 'a', 'b'])
    expect(failures).toEqual(['a: nobody is there'])
  })
})

describe('delivery to a command', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-alert-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const environment = () => ({ PATH: process.env.PATH, FOLDER: folder })

  test('it gets the problem on stdin and its message in a variable, of which the shell runs nothing', async () => {
    await deliveryTo('cd "$FOLDER" && cat > stdin && echo "$ALERT_MESSAGE" > message', environment())(problem('a'))
    expect(JSON.parse(readFileSync(join(folder, 'stdin'), 'utf8'))).toEqual(problem('a'))
    expect(readFileSync(join(folder, 'message'), 'utf8')).toBe(`${problem('a').message}\n`)
  })

  test('one that reads nothing is fine, and one that leaves something running is not waited for', async () => {
    await deliveryTo('true', environment())(problem('a'))
    await deliveryTo('sleep 60 & echo $! > "$FOLDER/pid"', environment())(problem('a'))
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')))
  })

  test('one that fails says why', async () => {
    await expect(deliveryTo('echo no mail today >&2; exit 3', environment())(problem('a'))).rejects.toThrow(
      'it ended with 3 no mail today',
    )
    await expect(deliveryTo('kill -9 $$', environment())(problem('a'))).rejects.toThrow('it was ended by SIGKILL')
  })
})

describe('delivery to a URL', () => {
  test('it gets the problem in a POST, and must answer with success', async () => {
    const bodies: unknown[] = []
    let status = 204
    const server = createServer((request, response) => {
      void text(request).then(body => {
        bodies.push(request.method, JSON.parse(body))
        response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end()
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const deliver = deliveryTo(`http://127.0.0.1:${port}/hook`, {})
    await deliver(problem('a'))
    expect(bodies).toEqual(['POST', problem('a')])
    status = 500
    await expect(deliver(problem('a'))).rejects.toThrow('it answered with 500')
    status = 302
    await expect(deliver(problem('a'))).rejects.toThrow()
    await server[Symbol.asyncDispose]()
    await expect(deliver(problem('a'))).rejects.toThrow()
  })
})
