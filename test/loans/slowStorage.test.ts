import { afterEach, expect, test } from 'vitest'
import type { Storage } from '../../src/datasources/storage.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { PARTITIONS_FOLDER, partitionPath } from '../../src/loans/partitionFile.ts'
import { type EmbeddedLoans, embeddedLoans, loansOf } from '../setup/embeddedLoans.ts'

/** On a machine that has more to do. */
const SOON = { timeout: 10_000 }

/** What HDFS does while a DataNode hangs on which the NameNode goes on placing blocks. */

/** Writes of partitions wait for this, once it is set; how many began. */
let gate: PromiseWithResolvers<void> | undefined
/** Reads of the main file wait for their signal, once it is set; what the signals of those were. */
let stuckReads: unknown[] | undefined
/** Reads of partitions wait for this, once it is set; how many do. */
let heldReads: (PromiseWithResolvers<void> & { count?: number }) | undefined
let writes = 0
/** What the storage says of itself. */
let impaired = false
let embedded: EmbeddedLoans

async function start(durableWithinMillis: number, answerWithinMillis = 30_000): Promise<void> {
  gate = undefined
  stuckReads = undefined
  heldReads = undefined
  writes = 0
  impaired = false
  embedded = await embeddedLoans(slow, { durableWithinMillis, answerWithinMillis })
  await embedded.fill(...loansOf([55001, 55003]))
  await embedded.migrate()
}
afterEach(() => embedded.close())

function slow(storage: Storage): Storage {
  return {
    ...storage,
    async read(path, range, call) {
      if (heldReads && path.startsWith('/partitions/')) {
        heldReads.count = (heldReads.count ?? 0) + 1
        await heldReads.promise
      }
      if (!stuckReads || path !== LOANS_PATH) return storage.read(path, range, call)
      return await new Promise((_, reject) => {
        call?.signal?.addEventListener('abort', () => {
          stuckReads?.push(call.signal?.reason)
          reject(call.signal?.reason)
        })
      })
    },
    async create(path, content, layout, call) {
      if (path.startsWith('/partitions/')) writes += 1
      await gate?.promise
      return storage.create(path, content, layout, call)
    },
    isImpaired: () => impaired,
  }
}

async function isWritten(): Promise<boolean> {
  const partitions = await embedded.storage.list(PARTITIONS_FOLDER)
  return partitions.some(({ path }) => path === partitionPath(55001))
}

test('an average does not wait for ever for its partition, and says so', async () => {
  await start(50)
  gate = Promise.withResolvers()
  const answer = await embedded.average(55001)
  expect(answer).toMatchObject({ averageLoan: 170_001, source: 'CREATE' })
  expect(answer.warning).toContain(`${partitionPath(55001)} is still being written`)
  gate.resolve()
})

test('while a part of the storage is known to hang, an answer does not wait for a write that went there; the next question does', async () => {
  await start(600_000)
  gate = Promise.withResolvers()
  impaired = true
  const answer = await embedded.average(55001)
  expect(answer).toMatchObject({ averageLoan: 170_001, source: 'CREATE' })
  expect(answer.warning).toContain(`${partitionPath(55001)} is still being written`)
  const second = embedded.average(55001)
  gate.resolve()
  expect(await second).toMatchObject({ averageLoan: 170_001, source: 'REUSE', warning: null })
})

test('the next question waits for a partition that is being written, and reuses it', async () => {
  await start(3_000)
  gate = Promise.withResolvers()
  expect((await embedded.average(55001)).warning).not.toBeNull()
  const second = embedded.average(55001)
  gate.resolve()
  expect(await second).toMatchObject({ averageLoan: 170_001, source: 'REUSE', warning: null })
})

test('a question that cannot wait joins the write under way, and starts none of its own', async () => {
  await start(50)
  gate = Promise.withResolvers()
  await embedded.average(55001)
  expect(await embedded.average(55001)).toMatchObject({ averageLoan: 170_001, source: 'CREATE' })
  gate.resolve()
  await expect.poll(isWritten, SOON).toBe(true)
  expect(writes).toBe(1)
})

test('a write that keeps silent is tried again beside it, and the first to end counts', async () => {
  await start(8_000)
  gate = Promise.withResolvers()
  const answer = embedded.average(55001)
  await expect.poll(() => writes, SOON).toBe(1)
  const stuck = gate
  gate = undefined
  expect(await answer).toMatchObject({ averageLoan: 170_001, source: 'CREATE', warning: null })
  expect(writes).toBe(2)
  stuck.resolve()
  expect(await embedded.average(55001)).toMatchObject({ source: 'REUSE' })
})

test('a question has a deadline for all of its requests together; what was known by then is answered all the same', async () => {
  await start(8_000, 300)
  await embedded.average(55001)
  stuckReads = []
  const [known, unknown] = await embedded.loans.averagesOf([55001, 55003])
  expect(known).toMatchObject({ averageLoan: 170_001, source: 'REUSE' })
  expect(unknown).toMatchObject({
    code: 'UNAVAILABLE',
    message: 'The storage did not give the loans of this county within 0.3 s.',
    hint: expect.stringContaining('systems'),
  })
  expect(stuckReads).toEqual([unknown])
  stuckReads = undefined
  expect(await embedded.average(55003)).toMatchObject({ averageLoan: 170_003, source: 'CREATE' })
})

test('a question that comes after a migration does not get the answer to one from before it', async () => {
  await start(8_000)
  await embedded.average(55001)
  heldReads = Promise.withResolvers()
  const before = embedded.average(55001)
  await expect.poll(() => heldReads?.count, SOON).toBe(1)
  await embedded.fill(...loansOf([55001, 55003], 5))
  expect(await embedded.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  const after = Promise.all([embedded.average(55001), embedded.average(55001)])
  heldReads.resolve()
  heldReads = undefined
  expect(await before).toMatchObject({ loans: 3, source: 'REUSE' })
  expect(await after).toMatchObject([
    { loans: 5, source: 'RECREATE' },
    { loans: 5, source: 'RECREATE' },
  ])
})
