import pLimit from 'p-limit'
import { abortable } from '../datasources/abortable.ts'
import type { Call, Cost } from '../datasources/call.ts'
import { createDeadline } from '../datasources/deadline.ts'
import type { Publisher } from '../datasources/publish.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { asError, hasCode, MillraceError } from '../errors.ts'
import { readColumn } from '../parquet/readColumn.ts'
import { floorMean, sameTotal, type Total, totalOf } from './amounts.ts'
import { checkedPartitions } from './checkedPartitions.ts'
import { countyName } from './countyNames.ts'
import type { LoansFiles } from './currentLoansFile.ts'
import type { AverageSource } from './loans.ts'
import type { LoansFile, TakePartition } from './loansFile.ts'
import { AMOUNT } from './loansQuery.ts'
import { PARTITIONS_FOLDER, type PartitionFile, partitionPath, tailOf } from './partitionFile.ts'
import { createPartitionWriter } from './partitionWriter.ts'
import { createPatience, type Patience } from './patience.ts'
import { type DatedAnswer, sharedAnswers } from './sharedAnswers.ts'

/** What became of one county's question so far. */
interface Answer {
  county: number
  /** The migration that it is from. */
  dataset: string
  cost: Cost
  source: AverageSource
  total?: Total
  warning?: string
}

const PARALLEL_READS = 16
/** Each request has a deadline of its own; this one is for all of a question together. What is not known by then is UNAVAILABLE. */
export const ANSWER_WITHIN_MILLIS = 30_000
/**
 * How long after its question an answer still waits for its partition to be durable. Writes to a healthy storage take a tenth
 * of a second; HDFS takes eight seconds and more to find that the DataNode which it picked for a new block hangs.
 */
export const DURABLE_WITHIN_MILLIS = 8_000
/** Of that time, what is left for making partitions again that an earlier answer did not wait for and that do not come. */
const MAKE_AGAIN_MILLIS = 1_000
/** The wait for each partition while the storage is impaired: one that is not written soon then was sent to where it hangs, and takes seconds. */
const DURABLE_WHILE_IMPAIRED_MILLIS = 100
/** Partitions in memory that wait for the end of a pass, or that no answer waits for any more. */
const MAX_WAITING_BYTES = 64 << 20
/** A migration that publishes while a county is cut makes the pass start over; more often than this is no coincidence. */
const MAX_PASSES = 3

type CostlyCall = Call & { cost: Cost }

/** How long a question waits: for its answer, and after that for the partition. */
interface Limits {
  signal: AbortSignal
  patience: Patience
}

export interface CountyAveragesOptions {
  storage: Storage
  publisher: Publisher
  files: LoansFiles
  /** Told of partitions that are made again, and of writes that failed. */
  note: (message: string, details: object) => void
  nowMillis: () => number
  durableWithinMillis: number
  answerWithinMillis: number
}

/**
 * Averages loan amounts by county from partition files, one per county. A partition is a cache, never the truth: it has one
 * replica and may be lost, garbled or out of date at any time. When it is not usable, it is made again from the main file,
 * which has two replicas, before the answer is given.
 */
export function countyAverages(options: CountyAveragesOptions) {
  const { storage, publisher, files, note, nowMillis, durableWithinMillis, answerWithinMillis } = options
  const isImpaired = () => storage.isImpaired?.() ?? false
  const writer = createPartitionWriter(publisher, isImpaired)
  const partitions = checkedPartitions(storage)

  /** Never rejects: what fails for all is the answer to each. */
  async function answerAll(counties: readonly number[]): Promise<DatedAnswer[]> {
    const started = nowMillis()
    // Requests that serve all counties of the batch are counted on its first one.
    const costs = new Map(counties.map(county => [county, { requests: 0, bytes: 0 }]))
    const shared = costs.get(counties[0]!)!
    const callOf = (county: number): CostlyCall => ({ cost: costs.get(county)!, signal })
    const patience = (millis: number) => createPatience(started + millis - nowMillis())
    using deadline = createDeadline(answerWithinMillis, () => tooSlow(answerWithinMillis))
    const { signal } = deadline
    try {
      // Partitions that an earlier answer did not wait for are about to be there.
      const writes = writer.ended(counties)
      if (writes) {
        using waiting = patience(durableWithinMillis - MAKE_AGAIN_MILLIS)
        await waiting.waitFor(writes, undefined)
      }
      const [main, listed] = await Promise.all([currentFile(shared, signal), listPartitions({ cost: shared, signal })])
      const results = new Map<number, Answer | Error>()
      const reads = pLimit(PARALLEL_READS)
      await Promise.all(
        counties.map(county =>
          reads(async () =>
            results.set(county, await reuse(county, main, listed.get(partitionPath(county)), callOf(county))),
          ),
        ),
      )
      const missing = [...results.values()].filter(result => !(result instanceof Error) && !result.total) as Answer[]
      if (missing.length > 0) {
        using waiting = patience(durableWithinMillis)
        await makeAll(missing, main, results, { patience: waiting, signal })
      }
      return counties.map(county => datedAnswer(results.get(county)!, main.dataset, nowMillis() - started))
    } catch (error) {
      return counties.map(() => ({ dataset: undefined, result: asError(error) }))
    }
  }

  /** Others wait for the same footer: it is not given up because one of them does. */
  function currentFile(cost: Cost, signal: AbortSignal): Promise<LoansFile> {
    return abortable(files.current({ cost }), signal)
  }

  async function listPartitions(call: Call): Promise<Map<string, FileStatus>> {
    const found = await storage.list(PARTITIONS_FOLDER, call)
    return new Map(found.filter(({ kind }) => kind === 'file').map(status => [status.path, status]))
  }

  /** The answer from the partition file; without a total where there is no usable one. */
  async function reuse(
    county: number,
    main: LoansFile,
    status: FileStatus | undefined,
    call: CostlyCall,
  ): Promise<Answer | Error> {
    const { cost } = call
    const { dataset } = main
    if (!main.counties.has(county)) return noLoans(county, main)
    if (!status) return { county, dataset, cost, source: 'CREATE' }
    try {
      return { county, dataset, cost, source: 'REUSE', total: await partitions.totalOf(county, main, status, call) }
    } catch (error) {
      // Gone between the listing and the read is as good as never there.
      if (hasCode(error, 'NOT_FOUND')) return { county, dataset, cost, source: 'CREATE' }
      if (!hasCode(error, 'DATA_LOST')) return asError(error)
      note('A partition is made again', { county, reason: error.message })
      return { county, dataset, cost, source: 'RECREATE' }
    }
  }

  /** Fills in the totals from the main file; what remains without one gets its error in `results`. */
  async function makeAll(
    missing: readonly Answer[],
    main: LoansFile,
    results: Map<number, Answer | Error>,
    limits: Limits,
  ): Promise<void> {
    let current = main
    let left: readonly Answer[] = missing
    for (let pass = 1; ; pass++) {
      const failures = await makeFrom(current, left, limits)
      for (const [{ county }, error] of failures) results.set(county, error)
      if (failures.size === 0 || pass === MAX_PASSES || limits.signal.aborted) return
      // The bytes are not what the footer says: either they are lost, or a new file was published meanwhile.
      const latest = await currentFile(left[0]!.cost, limits.signal)
      if (latest === current) return
      current = latest
      const again = [...failures.keys()]
      for (const { county } of again) results.set(county, noLoans(county, latest))
      left = again.filter(({ county }) => latest.counties.has(county))
      for (const answer of left) results.set(answer.county, answer)
      if (left.length === 0) return
    }
  }

  /**
   * One pass over the main file; the failures by answer, one lost county among them leaves the others be. Writes wait for the
   * reads, as far as memory allows: on them depend only later answers, and they may keep a DataNode busy for long.
   */
  async function makeFrom(
    main: LoansFile,
    answers: readonly Answer[],
    { patience, signal }: Limits,
  ): Promise<Map<Answer, Error>> {
    const byCounty = new Map(answers.map(answer => [answer.county, answer]))
    const failures = new Map<Answer, Error>()
    const writes: (() => Promise<void>)[] = []
    let waitingBytes = 0
    const take: TakePartition = async (county, made) => {
      const answer = byCounty.get(county)!
      try {
        if (made instanceof Error) throw made
        answer.total = await totalOfPartition(made, main)
        answer.dataset = main.dataset
        const write = () => store(made, main.dataset, answer, patience)
        waitingBytes += made.length
        if (waitingBytes > MAX_WAITING_BYTES) await write()
        else writes.push(write)
      } catch (error) {
        failures.set(answer, asError(error))
      }
    }
    await main.cut([...byCounty.keys()], take, county => ({ cost: byCounty.get(county)!.cost, signal }))
    await Promise.all(writes.map(write => write()))
    return failures
  }

  /**
   * Durable when it resolves, or the answer says why not: a partition that cannot be written, or not in time, costs the next
   * question its reuse, not this one its answer.
   */
  async function store(made: PartitionFile, dataset: string, answer: Answer, patience: Patience): Promise<void> {
    const path = partitionPath(made.county)
    using shortPatience = isImpaired() ? createPatience(DURABLE_WHILE_IMPAIRED_MILLIS) : undefined
    if ((shortPatience || patience.isOver) && writer.pendingBytes() > MAX_WAITING_BYTES) {
      answer.warning = `The average is right, but the storage is too slow to write its partition ${path} now; the next question will try again.`
      return
    }
    const written = writer.write(made, dataset, { cost: answer.cost }).then(
      status => {
        partitions.written(made, status, dataset, answer.total!)
        return undefined
      },
      error => {
        const { message } = asError(error)
        note('A partition could not be written', { county: made.county, reason: message })
        return `The average is right, but its partition ${path} could not be written and will be tried again with the next question: ${message}`
      },
    )
    const late = `The average is right, but its partition ${path} is still being written: the storage is slow.`
    const warning = await (shortPatience ?? patience).waitFor(written, late)
    if (warning !== undefined) answer.warning = warning
  }

  async function datasetNow(): Promise<string> {
    using deadline = createDeadline(answerWithinMillis, () => tooSlow(answerWithinMillis))
    const { dataset } = await currentFile({ requests: 0, bytes: 0 }, deadline.signal)
    return dataset
  }

  return sharedAnswers({ answerAll, datasetNow })
}

function datedAnswer(answer: Answer | Error, dataset: string, elapsedMillis: number): DatedAnswer {
  if (answer instanceof Error) return { dataset, result: answer }
  const { county, cost, source, total, warning } = answer
  if (!total) return { dataset, result: new MillraceError('INTERNAL', `County ${county} got no answer.`) }
  const result = {
    countyCode: county,
    averageLoan: floorMean(total),
    loans: total.loans,
    source,
    cost: {
      elapsedMillis: Math.round(elapsedMillis * 1000) / 1000,
      bytesRead: cost.bytes,
      storageRequests: cost.requests,
    },
    warning: warning ?? null,
  }
  return { dataset: answer.dataset, result }
}

/** Decoded from its bytes; the index's own sum is a cross-check, never the answer. */
async function totalOfPartition(partition: PartitionFile, main: LoansFile): Promise<Total> {
  const total = totalOf(await readColumn({ length: partition.length, part: tailOf(partition) }, AMOUNT))
  if (sameTotal(total, main.counties.get(partition.county)!)) return total
  throw new MillraceError('DATA_LOST', `The loans of county ${partition.county} do not add up to what was migrated.`, {
    hint: 'Run the mutation migrateLoans to write the file again.',
  })
}

function tooSlow(millis: number): MillraceError {
  return new MillraceError(
    'UNAVAILABLE',
    `The storage did not give the loans of this county within ${millis / 1000} s.`,
    {
      hint: 'The storage is slow, or the network to it; the query systems tells which system answers. Try again later.',
    },
  )
}

function noLoans(county: number, { counties }: LoansFile): MillraceError {
  const name = countyName(county)
  return new MillraceError('NOT_FOUND', `No migrated loan is in county ${county}${name ? ` (${name})` : ''}.`, {
    hint:
      counties.size === 0
        ? 'The migrated table has no loans with a county.'
        : `The query counties lists the ${counties.size} counties that have loans.`,
  })
}
