import type { LogRecord } from '../../../src/datasources/log.ts'
import type { Storage } from '../../../src/datasources/storage.ts'
import { nameOf } from '../../../src/datasources/storagePath.ts'
import { asError, hasCode } from '../../../src/errors.ts'
import { batchPath } from '../../../src/weather/files/names.ts'
import { createSink } from '../../../src/weather/sink/createSink.ts'
import type { Decode } from '../../../src/weather/sink/openBatch.ts'
import { checkpointPath, intentPath, parseOwnerName } from '../../../src/weather/sink/paths.ts'
import type { Sink } from '../../../src/weather/sink/sink.ts'
import { compactForever } from './compactor.ts'
import { createDisk } from './disk.ts'
import { createHost, type Faults, type Host, NO_FAULTS } from './host.ts'
import { hostStorage, NO_STORAGE_FAULTS } from './hostStorage.ts'
import { createPartitionLog, decodeText, hostLog } from './partitionLog.ts'
import { endOfChain, PARTITION, problemInTheEnd, problemWith, visibleFiles } from './proof.ts'
import { createRandom } from './random.ts'
import { createScheduler } from './scheduler.ts'
import { textCodec } from './textCodec.ts'

/** A rule of the protocol that is broken on purpose, to see that the simulation notices. */
export interface Sabotage {
  storage?: (storage: Storage) => Storage
  decode?: Decode
  newId?: () => string
}

export interface SimulationOptions {
  sabotage?: Sabotage
  trace?: (line: string) => void
}

/** What happened, to see that the seeds reach what they are meant to. */
export interface Happened {
  owners: number
  kills: number
  stops: number
  fenced: number
  batches: number
  merged: number
  repaired: number
  rows: number
  doubles: number
  deadLetters: number
  lostRecords: number
  damages: number
  events: number
}

/** The faults go on for so long; then all must come right within the other. */
const LEAST_TROUBLE_MILLIS = 3_000
const MOST_TROUBLE_MILLIS = 10_000
const HEALING_MILLIS = 120_000

interface Owner {
  host: Host
  sink: Sink
  stop: AbortController
  fetches: { now: number; most: number }
  outcome: 'running' | 'stopped' | 'fenced'
}

/** Runs one seed to its end; throws what was wrong. */
export async function simulate(seed: number, { sabotage = {}, trace }: SimulationOptions = {}): Promise<Happened> {
  const random = createRandom(seed)
  const scheduler = createScheduler()
  const say = (line: () => string) => trace?.(`${scheduler.nowMillis() % 1e8} ${line()}`)
  const everything: LogRecord[] = []
  const log = createPartitionLog(scheduler, random)
  const owners: Owner[] = []
  let problem: string | undefined
  let faults: Faults = NO_FAULTS
  let storageFaults = NO_STORAGE_FAULTS
  let ids = 0
  let lastEpoch = 0
  const newId = sabotage.newId ?? (() => `00000000-0000-0000-0000-${(ids++).toString(16).padStart(12, '0')}`)
  const happened: Happened = {
    owners: 0,
    kills: 0,
    stops: 0,
    fenced: 0,
    batches: 0,
    merged: 0,
    repaired: 0,
    rows: 0,
    doubles: 0,
    deadLetters: 0,
    lostRecords: 0,
    damages: 0,
    events: 0,
  }

  const damaging = random.chance(0.25)
  const expiring = !damaging && random.chance(0.3)
  const compacting = random.chance(0.5)
  const badness = random.pick([0, 0.005, 0.02, 0.05])
  const suddenness = random.pick([0, 0.002, 0.01])
  const troubleEnds = scheduler.nowMillis() + random.whole(LEAST_TROUBLE_MILLIS, MOST_TROUBLE_MILLIS)
  const settings = {
    batchRows: random.whole(3, 12),
    batchAgeMillis: random.whole(200, 1_500),
    batchDeadLetters: random.whole(2, 4),
    fetchBytes: random.whole(30, 400),
    fetchWaitMillis: random.pick([500, 5_000]),
    closeMillis: 10_000,
  }

  const disk = createDisk(
    () => scheduler.nowMillis(),
    path => {
      say(() => `  ${path} is there`)
      lastEpoch = Math.max(lastEpoch, parseOwnerName(nameOf(path))?.epoch ?? 0)
      problem ??= problemWith(path, disk, happened.damages > 0)
    },
  )
  const world = { disk, scheduler, random }

  function newHost(name: string): Host {
    return createHost(name, scheduler, random, () => faults, say)
  }

  function startOwner(): Owner {
    const host = newHost(`owner-${++happened.owners}`)
    const fetches = { now: 0, most: 0 }
    const honest = hostStorage(world, host, () => storageFaults)
    const storage = sabotage.storage?.(honest) ?? honest
    const stop = new AbortController()
    const decode = sabotage.decode ?? decodeText
    const common = { partition: PARTITION, topic: 'temperatures', codec: textCodec, decode, settings, newId }
    const sink = createSink({ ...common, storage, log: hostLog(log, host, fetches), clock: host.clock })
    const owner: Owner = { host, sink, stop, fetches, outcome: 'running' }
    say(() => `${host.name} started`)
    owners.push(owner)
    sink.run(stop.signal).then(
      () => {
        owner.outcome = 'stopped'
      },
      (error: unknown) => {
        say(() => `${host.name} ended: ${asError(error).message}`)
        owner.outcome = 'fenced'
        happened.fenced += 1
        if (!hasCode(error, 'CONFLICT')) problem ??= `${host.name} failed: ${asError(error).stack}`
      },
    )
    return owner
  }

  const living = () => owners.filter(({ host, outcome }) => host.isAlive() && outcome === 'running')

  function every(least: number, most: number, action: () => void): void {
    const next = () => {
      scheduler.at(scheduler.nowMillis() + random.whole(least, most), () => {
        if (scheduler.nowMillis() >= troubleEnds) return
        action()
        next()
      })
    }
    next()
  }

  function produce(): void {
    const before = log.end()
    log.produce()
    for (const record of log.records) if (record.offset >= before) everything.push(record)
    say(() => `the log ends at ${log.end()}`)
    const held = Math.max(0, ...living().map(({ sink }) => sink.state().heldRows))
    if (!damaging && held > 2 * settings.batchRows) problem ??= `${held} rows are held in memory`
  }

  /** Kills, stops and continues owners, and starts others beside them. */
  function disturb(): void {
    const owner = living().length > 0 ? random.pick(living()) : undefined
    const odds = random.next()
    if (!owner || (odds < 0.35 && living().length < 3)) {
      startOwner()
    } else if (odds < 0.6) {
      happened.kills += 1
      owner.host.kill()
    } else if (owner.host.isStopped()) {
      owner.host.resume()
    } else {
      happened.stops += 1
      owner.host.stop()
    }
  }

  function startCompactor(name: string): Host {
    const host = newHost(name)
    const storage = hostStorage(world, host, () => storageFaults)
    compactForever(storage, host, random, newId, PARTITION).catch((error: unknown) => {
      problem ??= `compaction failed: ${asError(error).stack}`
    })
    return host
  }

  /** Two at a time, of which either can stand still or die at any step and be followed by another. */
  function disturbCompactor(which: number): void {
    const host = compactors[which]!
    if (host.isStopped()) host.resume()
    else if (random.chance(0.5)) host.stop()
    else {
      host.kill()
      compactors[which] = startCompactor(`${host.name}+`)
    }
  }

  function misbehave(): void {
    const some = (most: number) => random.next() * most * badness
    const ends = { killed: random.next() * suddenness, stopped: random.next() * suddenness }
    faults = { lostAnswer: some(1), lostRequest: some(1), late: some(1), refused: some(1), ...ends }
    storageFaults = { brokenCreate: some(3), shortCreate: some(1), lostRead: some(1) }
    if (badness > 0 && random.chance(0.1)) faults = { ...NO_FAULTS, refused: 1 }
    say(() => `faults ${JSON.stringify({ ...faults, ...storageFaults })}`)
  }

  /** What people and disks do to files that lie there. */
  function damage(): void {
    const { files } = visibleFiles(disk)
    const last = files.at(-1)
    const kind = random.pick(['end', 'middle', 'foreign', 'checkpoint', 'intent', 'no checkpoint', 'no intent'])
    const cut = (path: string) => {
      const file = disk.files.get(path)
      if (!file) return
      say(() => `${path} cut short`)
      file.bytes = file.bytes.slice(0, random.whole(0, file.bytes.length - 1))
      happened.damages += 1
    }
    if (kind === 'end' && last) cut(batchPath(last))
    if (kind === 'middle' && files.length > 0) cut(batchPath(random.pick(files)))
    if (kind === 'foreign') {
      const batch = (last?.lastBatch ?? -1) + random.whole(1, 2)
      const path = batchPath({ partition: PARTITION, firstBatch: batch, lastBatch: batch })
      if (disk.files.has(path)) return
      say(() => `${path} put there by somebody`)
      disk.append(disk.open(path), Buffer.from('something else'))
      happened.damages += 1
    }
    if (kind === 'checkpoint') cut(checkpointPath(PARTITION))
    if (kind === 'intent') cut(intentPath(PARTITION))
    if (kind === 'no checkpoint') disk.remove(checkpointPath(PARTITION))
    if (kind === 'no intent') disk.remove(intentPath(PARTITION))
  }

  startOwner()
  misbehave()
  every(50, 600, produce)
  every(500, 4_000, disturb)
  every(1_000, 5_000, misbehave)
  if (damaging) every(2_000, 9_000, damage)
  if (expiring) every(2_000, 8_000, () => log.expire(endOfChain(disk) + random.whole(-20, 10)))
  const compactors = compacting ? [startCompactor('compactor-1'), startCompactor('compactor-2')] : []
  if (compacting) every(1_000, 6_000, () => disturbCompactor(random.whole(0, 1)))

  const until = async (millis: number, done: () => boolean) => {
    let over = false
    const cancel = scheduler.at(scheduler.nowMillis() + millis, () => {
      over = true
    })
    await scheduler.run(() => {
      happened.events += 1
      return problem !== undefined || over || done()
    })
    cancel()
    if (problem !== undefined) throw new Error(problem)
  }

  await until(troubleEnds - scheduler.nowMillis(), () => false)
  say(() => 'the faults are over')
  faults = NO_FAULTS
  storageFaults = NO_STORAGE_FAULTS
  for (const host of [...owners.map(owner => owner.host), ...compactors]) if (host.isStopped()) host.resume()
  const last = startOwner()
  await until(HEALING_MILLIS, () => last.sink.state().nextOffset === log.end() && endOfChain(disk) === log.end())
  if (endOfChain(disk) !== log.end()) {
    throw new Error(
      `the files end at ${endOfChain(disk)}, the log at ${log.end()}: ${JSON.stringify(last.sink.state())}`,
    )
  }
  // What was given up long ago may still happen now.
  await until(HEALING_MILLIS, () => scheduler.overdue() === 0)
  for (const { stop } of owners) stop.abort(new Error('stopped'))
  await until(HEALING_MILLIS, () => living().length === 0)
  if (living().length > 0)
    throw new Error(
      `${living()
        .map(({ host }) => host.name)
        .join(', ')} did not stop`,
    )
  const wrongly = owners.find(({ outcome, sink }) => outcome === 'fenced' && sink.state().epoch === lastEpoch)
  if (wrongly) throw new Error(`${wrongly.host.name} was fenced although nobody followed`)
  const fetches = Math.max(...owners.map(({ fetches }) => fetches.most))
  if (fetches > 2) throw new Error(`${fetches} fetches at a time`)

  problem = problemInTheEnd(disk, everything, log.begin())
  if (problem !== undefined) throw new Error(problem)
  const { files } = visibleFiles(disk)
  happened.batches = (files.at(-1)?.lastBatch ?? -1) + 1
  happened.merged = files.filter(({ firstBatch, lastBatch }) => lastBatch > firstBatch).length
  happened.repaired = files.filter(({ repair }) => repair).length
  const totals = files.at(-1)?.batch?.meta.totals
  happened.rows = totals?.rows ?? 0
  happened.doubles = totals?.doubles ?? 0
  happened.deadLetters = totals?.deadLetters ?? 0
  happened.lostRecords = totals?.lostRecords ?? 0
  return happened
}
