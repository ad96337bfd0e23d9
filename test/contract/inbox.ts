import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Inbox } from '../../src/datasources/inbox.ts'

/** What is in the inbox. */
export const INBOX_FILES: Readonly<Record<string, Uint8Array>> = {
  'dt=2026-11-20/data.csv': Buffer.from('id,name\n1,Zoë\n'),
  'dt=2026-11-20/empty.csv': Buffer.alloc(0),
  'large.bin': randomBytes(5_000_000),
}

/** What every keeper of the inbox port must do. `open` gives one that has INBOX_FILES. */
export function testInbox(name: string, open: () => Promise<Inbox>): void {
  describe(name, () => {
    let inbox: Inbox
    beforeAll(async () => {
      inbox = await open()
    })
    afterAll(() => inbox.close())

    test.each(Object.entries(INBOX_FILES))('gives the bytes of %s, and its length', async (path, bytes) => {
      expect(digest([await collect(inbox.read(path))])).toBe(digest([bytes]))
      expect(await inbox.stat(path)).toEqual({ length: bytes.length })
    })

    test('says where it looked for a file that is not there', async () => {
      const nothing = { code: 'NOT_FOUND', message: expect.stringContaining(`dt=2026-11-21/data.csv`) }
      await expect(inbox.stat('dt=2026-11-21/data.csv')).rejects.toMatchObject(nothing)
      await expect(collect(inbox.read('dt=2026-11-21/data.csv'))).rejects.toMatchObject(nothing)
    })

    test('stops for a reader that wants no more, and goes on for others', async () => {
      for await (const chunk of inbox.read('large.bin')) {
        expect(chunk.length).toBeGreaterThan(0)
        break
      }
      expect((await collect(inbox.read('dt=2026-11-20/data.csv'))).length).toBe(15)
    })

    test('ends with the reason of a signal, before and in the middle', async () => {
      const reason = new Error('enough')
      const early = { signal: AbortSignal.abort(reason) }
      await expect(inbox.stat('large.bin', early)).rejects.toBe(reason)
      await expect(collect(inbox.read('large.bin', early))).rejects.toBe(reason)
      const stop = new AbortController()
      const reading = async () => {
        for await (const _ of inbox.read('large.bin', { signal: stop.signal })) stop.abort(reason)
      }
      await expect(reading()).rejects.toBe(reason)
    })
  })
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

function digest(parts: Uint8Array[]): string {
  return createHash('sha256').update(Buffer.concat(parts)).digest('hex')
}
