import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { partitionPath } from '../../src/loans/partitionFile.ts'
import { averagesIn, COUNTIES, type Generation } from './crashLoans.ts'
import { type CrashPoint, MIGRATION_POINTS, PARTITION_POINTS } from './crashPoints.ts'
import { type CrashProfile, type CrashSite, openCrashSite } from './crashSite.ts'

/** The sweep of a server that starts is a matter of milliseconds; a machine may be busy. */
const SOON = { timeout: 10_000 }

/** What is promised of servers that are killed, whatever they are bound to. */
export function describeCrashes(openProfile: () => Promise<CrashProfile>): void {
  let site: CrashSite

  beforeAll(async () => {
    site = await openCrashSite(await openProfile())
  })
  afterAll(() => site.close())

  describe('a server killed with -9 in a migration', () => {
    test.each(titled(MIGRATION_POINTS))(
      '%s leaves a whole file, and the next one cleans up and migrates',
      async (_, point) => {
        const old = await migrated({ withPartitions: false })
        const fresh = await site.refill()
        await site.crash({ work: 'migration', point })

        const left = point.moment === 'renamed' ? fresh : old
        expect(await site.loansIn(LOANS_PATH)).toEqual(left)
        expect(await site.temporaries()).toHaveLength(leavesTemporary(point) ? 1 : 0)

        await site.withServer(async server => {
          expect(server.newestJob()).toMatchObject({
            kind: 'MIGRATE_LOANS',
            state: 'INTERRUPTED',
            message: expect.stringMatching(
              /^The server stopped in the middle of this job, at .+: run migrateLoans again\.$/,
            ),
            hint: 'The file in storage is the old one or the new one, never a part.',
            finishedAt: expect.any(Date),
          })
          expect(await server.localLeftovers()).toEqual([])
          await expect.poll(site.temporaries, SOON).toEqual([])
          expect(await server.averages(COUNTIES)).toEqual(averagesIn(left))
          expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
          expect(await server.averages(COUNTIES)).toEqual(averagesIn(fresh))
        })
        expect(await site.loansIn(LOANS_PATH)).toEqual(fresh)
      },
    )
  })

  describe('a server killed with -9 as it writes partitions', () => {
    test.each(titled(PARTITION_POINTS))(
      '%s leaves whole files, and the next one cleans up and answers',
      async (_, point) => {
        const old = await migrated({ withPartitions: true })
        const fresh = await migrated({ withPartitions: false })
        await site.crash({ work: { counties: [...COUNTIES] }, point })

        const left = await Promise.all(COUNTIES.map(county => site.loansIn(partitionPath(county))))
        for (const [index, county] of COUNTIES.entries()) {
          expect([loansOf(old, county), loansOf(fresh, county)]).toContainEqual(left[index])
        }
        const renewed = left.filter(([group]) => group?.generation === fresh[0]?.generation)
        expect(renewed.length).toBeGreaterThanOrEqual(point.moment === 'renamed' ? point.time : 0)
        expect(await site.loansIn(LOANS_PATH)).toEqual(fresh)
        if (leavesTemporary(point)) expect(await site.temporaries()).not.toEqual([])

        await site.withServer(async server => {
          expect(await server.localLeftovers()).toEqual([])
          await expect.poll(site.temporaries, SOON).toEqual([])
          expect(await server.averages(COUNTIES)).toEqual(averagesIn(fresh))
        })
        for (const county of COUNTIES) {
          expect(await site.loansIn(partitionPath(county))).toEqual(loansOf(fresh, county))
        }
      },
    )
  })

  /** New loans in the source, and files of them. */
  async function migrated({ withPartitions }: { withPartitions: boolean }): Promise<Generation> {
    const generation = await site.refill()
    await site.withServer(async server => {
      expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
      if (withPartitions) expect(await server.averages(COUNTIES)).toEqual(averagesIn(generation))
    })
    return generation
  }
}

/** For "%s", which keeps long names whole, where "$name" cuts them. */
function titled(points: readonly CrashPoint[]): [string, CrashPoint][] {
  return points.map(point => [point.name, point])
}

function loansOf(generation: Generation, wanted: number): Generation {
  return generation.filter(({ county }) => county === wanted)
}

/** Dead between the first byte of a file and its rename. */
function leavesTemporary({ moment }: CrashPoint): boolean {
  return ['chunk taken', 'content taken', 'stat', 'rename'].includes(moment)
}
