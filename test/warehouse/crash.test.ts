import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OWN_TRANSFORMS } from '../../src/warehouse/transforms/readTransforms.ts'
import { type EmbeddedWarehouse, embeddedWarehouse } from '../setup/embeddedWarehouse.ts'
import type { CrashPlan } from '../setup/warehouseCrash.ts'

const PROGRAM = join(import.meta.dirname, '../setup/warehouseCrash.ts')
const DATE = '2026-11-20'
const ROUNDS = Number(process.env.MILLRACE_CRASH_ROUNDS ?? 5)
/** One that goes on from its own rows of the day before, and one that does not: with more the rounds would only take longer. */
const TABLES = ['agg_income', 'dim_citizen']
/** Longer than a run takes on a busy machine. */
const DEATH_MILLIS = 100_000
const SLOW = { timeout: 240_000 }

const MOMENTS = [
  'in the middle of citizens_data',
  'after manifest.json is removed',
  'after citizens_data.csv stands',
  'before manifest.json stands',
  'after manifest.json stands',
  'before dim_citizen is made',
  'after dim_citizen is made',
  'after dim_citizen.json stands',
  'after agg_income is staged',
  'before dim_citizen is tested',
  'before the date is published',
  'after the date is published',
]

type Rows = Record<string, unknown[]>

let folder: string
let transformsFolder: string
/** What the warehouse has for the date before the run that is killed, and after it has succeeded. */
let old: Rows
let fresh: Rows
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-warehouse-crash-'))
  transformsFolder = join(folder, 'transforms')
  await mkdir(transformsFolder)
  for (const name of TABLES) await copyFile(join(OWN_TRANSFORMS, `${name}.sql`), join(transformsFolder, `${name}.sql`))
  const first = await openSite('before')
  for (const day of ['2026-11-19', DATE]) {
    await first.makeDay(day)
    expect(await first.run(day)).toMatchObject({ state: 'SUCCEEDED' })
  }
  old = await published(first)
  await first.changeDay(DATE, text => text.replaceAll(',nurse,', ',artist,'))
  await first.close()

  await copyFolder('before', 'reference')
  const reference = await openSite('reference')
  await reference.run(DATE, { force: true })
  fresh = await published(reference)
  await reference.close()
  expect(fresh).not.toEqual(old)
}, 120_000)
afterAll(() => rm(folder, { recursive: true }))

async function copyFolder(from: string, to: string): Promise<void> {
  await rm(join(folder, to), { recursive: true, force: true })
  await cp(join(folder, from), join(folder, to), { recursive: true })
}

function openSite(name: string): Promise<EmbeddedWarehouse> {
  return embeddedWarehouse({ folder: join(folder, name), transformsFolder })
}

async function published(embedded: EmbeddedWarehouse): Promise<Rows> {
  const rows = TABLES.map(async name => [name, await embedded.rows(name, DATE)] as const)
  return Object.fromEntries(await Promise.all(rows))
}

async function crash(plan: CrashPlan): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], { timeout: DEATH_MILLIS })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += String(chunk)
    })
  }
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (signal !== 'SIGKILL' || output !== plan.moment) throw new Error(`expected a kill at "${plan.moment}": ${output}`)
}

describe('a run killed with -9', () => {
  test.each(MOMENTS.flatMap(moment => Array.from({ length: ROUNDS }, () => moment)))(
    '%s leaves the old rows or the new ones, and the next run finishes it with equal rows',
    SLOW,
    async moment => {
      await copyFolder('before', 'site')
      await crash({ folder: join(folder, 'site'), transformsFolder, date: DATE, moment })

      const site = await openSite('site')
      const left = await published(site)
      expect(left).toEqual(moment === 'after the date is published' ? fresh : old)
      expect(site.jobs.list({ first: 1 })).toMatchObject([{ kind: 'WAREHOUSE_RUN', state: 'INTERRUPTED' }])
      expect(site.domain.runs(1)).toMatchObject([{ date: DATE, state: 'INTERRUPTED' }])

      expect(await site.run(DATE, { force: true })).toMatchObject({ state: 'SUCCEEDED' })
      expect(await published(site)).toEqual(fresh)
      expect(await site.warehouse.stages()).toEqual([])
      expect(await temporaries(join(folder, 'site', 'storage'))).toEqual([])
      expect((await site.run(DATE)).message).toContain('nothing was to do')
      await site.close()
    },
  )
})

/** Half-written files of the storage. */
async function temporaries(storage: string): Promise<string[]> {
  const names = await readdir(storage, { recursive: true })
  return names.filter(name => name.endsWith('.tmp'))
}
