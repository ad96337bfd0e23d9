import { randomBytes } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import type { SenderStep } from '../../src/files/send/sender.ts'
import { blockKey } from '../../src/files/wire/topics.ts'
import { type FilesWorld, openFilesWorld, type SeenAttempt, sha256Of } from '../setup/filesWorld.ts'
import { temporaryLog } from '../setup/temporaryLog.ts'

const never = new AbortController().signal

const temporary = temporaryLog()
let world: FilesWorld
beforeEach(async () => {
  world = await openFilesWorld(temporary.log)
})
afterEach(() => world.close())

describe('a run that follows another', () => {
  const settings = { blockBytes: 1_000 }

  test('sends no acknowledged block, and the digest of the whole file all the same', async () => {
    const bytes = randomBytes(4_500)
    await world.write('data', bytes)
    await world.sender({ settings }).run(never)
    const first = await world.attempts()
    for (const attempt of first) {
      if (attempt.chunk.block !== 1 && attempt.chunk.block !== 4) await world.acknowledge(attempt, 'processed')
    }
    const { files } = await world.sender({ settings }).run(never)
    expect(files).toMatchObject([{ sends: 2, acknowledgedBlocks: 3, sha256: sha256Of(bytes) }])
    const again = (await world.attempts()).filter(({ chunk }) => chunk.sendId !== first[0]!.chunk.sendId)
    expect(again).toHaveLength(2)
    expect(new Set(again.map(({ chunk }) => chunk.block))).toEqual(new Set([1, 4]))
    expect(again.find(({ chunk }) => chunk.block === 4)!.chunk.fileSha256).toBe(sha256Of(bytes))
  })

  test('reads nothing where all is acknowledged', async () => {
    await world.write('data', randomBytes(3_000))
    await world.sender({ settings }).run(never)
    for (const attempt of await world.attempts()) await world.acknowledge(attempt, 'processed')
    const steps: SenderStep[] = []
    const sender = world.sender({ settings: { ...settings, wait: true }, onStep: step => void steps.push(step) })
    expect((await sender.run(never)).files).toMatchObject([{ sends: 0, acknowledgedBlocks: 3, sha256: null }])
    expect(steps).toEqual(['topics made', 'resumed', 'all sent'])
    expect(sender.state()).toMatchObject({ bytes: 3_000, sentBytes: 3_000, resumedBytes: 3_000, sentBlocks: 3 })
  })

  test('sends a block again that has failed, or was asked for again', async () => {
    await world.write('data', randomBytes(2_000))
    await world.sender({ settings }).run(never)
    const [one, other] = await world.attempts()
    await world.acknowledge(one!, 'failed', 'the processor threw')
    await world.acknowledge(other!, 'again', 'the digest is wrong')
    expect((await world.sender({ settings }).run(never)).files).toMatchObject([{ sends: 2, failedBlocks: 0 }])
  })

  test('takes an acknowledgment that it cannot read for none, and says so', async () => {
    await world.write('data', 'some')
    await world.sender().run(never)
    const [{ chunk }] = (await world.attempts()) as [SeenAttempt]
    const producer = temporary.log.producer()
    const value = Buffer.from(JSON.stringify({ version: 2, outcome: 'processed' }))
    await producer.send(world.topics.acknowledgments.name, [{ key: blockKey(chunk.transferId, 0), value }])
    await producer.close()
    const sender = world.sender()
    expect((await sender.run(never)).files).toMatchObject([{ sends: 1, acknowledgedBlocks: 0 }])
    expect(sender.state().warnings).toEqual([
      expect.stringContaining('An acknowledgment of "data" cannot be read: the field "version"'),
    ])
  })

  test('sends all of a file that has changed, as another transfer', async () => {
    await world.write('data', 'before')
    await world.sender().run(never)
    for (const attempt of await world.attempts()) await world.acknowledge(attempt, 'processed')
    await world.write('data', 'behind')
    await utimes(join(world.folder, 'data'), 1, 1)
    const { files } = await world.sender().run(never)
    expect(files).toMatchObject([{ sends: 1, acknowledgedBlocks: 0 }])
    const ids = new Set((await world.attempts()).map(({ chunk }) => chunk.transferId))
    expect(ids.size).toBe(2)
  })

  test('sends all in blocks of another size, as another transfer', async () => {
    await world.write('data', randomBytes(2_000))
    await world.sender({ settings }).run(never)
    for (const attempt of await world.attempts()) await world.acknowledge(attempt, 'processed')
    expect((await world.sender({ settings: { blockBytes: 2_000 } }).run(never)).files).toMatchObject([{ sends: 1 }])
  })
})

describe('a sender that waits', () => {
  const settings = { blockBytes: 1_000, wait: true }

  /** A receiver that says to each attempt what `judge` says. */
  async function receiveUntil(
    done: Promise<unknown>,
    judge: (block: number, attempt: number) => Parameters<FilesWorld['acknowledge']>[1],
  ) {
    const seen = new Set<string>()
    const attempts = new Map<number, number>()
    let over = false
    void done
      .finally(() => {
        over = true
      })
      .catch(() => {})
    await waitUntil({ description: 'the sender to end', timeoutMillis: 20_000, pollMillis: 10 }, async () => {
      for (const attempt of await world.attempts()) {
        const { block, sendId } = attempt.chunk
        if (seen.has(`${block} ${sendId}`)) continue
        seen.add(`${block} ${sendId}`)
        attempts.set(block, (attempts.get(block) ?? 0) + 1)
        await world.acknowledge(attempt, judge(block, attempts.get(block)!), 'so it was told')
      }
      return over
    })
    return attempts
  }

  test('ends when each block is acknowledged', async () => {
    await world.write('data', randomBytes(2_500))
    const sender = world.sender({ settings })
    const run = sender.run(never)
    await receiveUntil(run, () => 'processed')
    expect((await run).files).toMatchObject([{ sends: 3, acknowledgedBlocks: 3, failedBlocks: 0 }])
    expect(sender.state()).toMatchObject({ phase: 'stopped', acknowledgedBlocks: 3, trouble: null, warnings: [] })
  })

  test('sends a block again that is asked for, three times, and then it has failed', async () => {
    await world.write('data', randomBytes(2_500))
    const run = world.sender({ settings }).run(never)
    const attempts = await receiveUntil(run, (block, attempt) =>
      block === 1 || (block === 2 && attempt < 3) ? 'again' : 'processed',
    )
    expect(Object.fromEntries(attempts)).toEqual({ 0: 1, 1: 4, 2: 3 })
    expect((await run).files).toMatchObject([{ sends: 8, acknowledgedBlocks: 2, failedBlocks: 1 }])
    const last = (await world.statuses()).flatMap(({ transfers = [] }) => transfers).at(-1)
    expect(last).toMatchObject({ state: 'failed', message: 'block 1 on machine1: so it was told' })
  })

  test('ends where the others have failed', async () => {
    await world.write('data', randomBytes(2_000))
    const run = world.sender({ settings }).run(never)
    await receiveUntil(run, block => (block === 0 ? 'failed' : 'processed'))
    expect((await run).files).toMatchObject([{ sends: 2, acknowledgedBlocks: 1, failedBlocks: 1 }])
  })

  test('ends at once when it is told to, and says that it has stopped', async () => {
    await world.write('data', 'some')
    const stop = new AbortController()
    const run = world.sender({
      settings,
      onStep: step => (step === 'all sent' ? stop.abort(new Error('enough')) : undefined),
    })
    await expect(run.run(stop.signal)).rejects.toThrow('enough')
    expect((await world.statuses()).at(-1)).toMatchObject({ machine: 'producer1', role: 'sender', state: 'stopped' })
  })
})
