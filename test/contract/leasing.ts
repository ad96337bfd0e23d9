import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import { systemClock } from '../../src/datasources/clock.ts'
import { type LeaseOptions, takeLease } from '../../src/datasources/lease.ts'
import { publish, removeTemporaries } from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { LAYOUT } from './files.ts'

/** What leases promise over every keeper; called within a describe() of the storage's contract. */
export function testLeasing(opened: () => Storage): void {
  const leaseOf = (folder: string, owner: string, changes: Partial<LeaseOptions> = {}) =>
    takeLease({ storage: opened(), folder, owner, work: 'counting beans', ...changes })
  const heldByAnother = { code: 'CONFLICT', message: 'Another server is counting beans on this storage already.' }

  test('is held by one at a time, and given on when it is released', async () => {
    const folder = `/${randomUUID()}`
    const first = await leaseOf(folder, 'first')
    await expect(leaseOf(folder, 'second')).rejects.toMatchObject(heldByAnother)
    await first.confirm()
    await first.release()
    const second = await leaseOf(folder, 'second')
    await expect(leaseOf(folder, 'first')).rejects.toMatchObject(heldByAnother)
    await second.release()
  })

  test('of many that want it at once exactly one gets it', async () => {
    const folder = `/${randomUUID()}`
    const takings = await Promise.allSettled(Array.from({ length: 6 }, (_, index) => leaseOf(folder, `owner-${index}`)))
    const taken = takings.flatMap(taking => (taking.status === 'fulfilled' ? [taking.value] : []))
    expect(taken).toHaveLength(1)
    for (const { reason } of takings.filter(taking => taking.status === 'rejected')) {
      expect(reason).toMatchObject(heldByAnother)
    }
    await taken[0]!.release()
    expect(await opened().list(folder)).toHaveLength(1)
  })

  test('is kept by signs of life for longer than one life', async () => {
    const folder = `/${randomUUID()}`
    const first = await leaseOf(folder, 'first', { lifeMillis: 3_000 })
    const [before] = await opened().list(folder)
    const renewedTwice = async () =>
      (await opened().list(folder))[0]!.modifiedAtMillis > before!.modifiedAtMillis + 3_000
    await waitUntil({ description: 'signs of life', timeoutMillis: 20_000 }, renewedTwice)
    await expect(leaseOf(folder, 'second', { lifeMillis: 3_000 })).rejects.toMatchObject(heldByAnother)
    await first.release()
  })

  test('is taken over by the next process of the same owner at once, since the one before must be dead', async () => {
    const folder = `/${randomUUID()}`
    // A dead process tidies nothing up; this one would take the temporary of its successor for its own.
    const tidiesNothing = { ...systemClock, deadline: () => AbortSignal.abort() }
    const first = await leaseOf(folder, 'same', { clock: tidiesNothing })
    const second = await leaseOf(folder, 'same')
    await expect(first.confirm()).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(first.lost.aborted).toBe(true)
    await first.release()
    await second.confirm()
    await second.release()
  })

  test('runs out without signs of life, and the one who lost it is told so and publishes nothing', async () => {
    const folder = `/${randomUUID()}`
    const target = `${folder}-files/file`
    const write = (text: string, check?: () => Promise<void>) =>
      publish(opened(), target, () => [Buffer.from(text)], LAYOUT, { owner: text, ...(check && { check }) })
    const stillClock = {
      nowMillis: () => 0,
      pause: () => new Promise<void>(() => {}),
      deadline: () => new AbortController().signal,
    }
    // One that never gives a sign of life: its clock stands still.
    const late = await leaseOf(folder, 'late', { clock: stillClock })
    const takeOver = async () => {
      try {
        return await leaseOf(folder, 'next', { lifeMillis: 500 })
      } catch (error) {
        expect(error).toMatchObject(heldByAnother)
        return undefined
      }
    }
    let next: Awaited<ReturnType<typeof takeOver>>
    const isTaken = async () => {
      next = await takeOver()
      return next !== undefined
    }

    // It has written its file and looked whether the lease is still its own; then it sleeps until another has published.
    const publishing = write('late', async () => {
      await late.confirm()
      await waitUntil({ description: 'the lease to run out', timeoutMillis: 10_000 }, isTaken)
      await removeTemporaries(opened(), target)
      await write('next')
    })
    await expect(publishing).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(write('late', () => late.confirm())).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(late.lost.reason).toMatchObject({
      code: 'CONFLICT',
      message: 'Another server has begun counting beans, because this one gave no sign of life.',
    })
    expect(Buffer.from(await opened().read(target, { offset: 0, length: 4 })).toString()).toBe('next')
    expect((await opened().list(`${folder}-files`)).map(({ path }) => path)).toEqual([target])
    await next!.release()
  })
}
