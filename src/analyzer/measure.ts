import type { Client } from '../client/client.ts'
import { AverageLoanDocument, DropPartitionsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'

/** How the server obtained an average, in the words of the original client. */
export const OPERATIONS = ['create', 'reuse', 'recreate'] as const
export type Operation = (typeof OPERATIONS)[number]

/** One average of one county, from sending the question to having read the answer. */
export interface Measurement {
  operation: Operation
  county: number
  /** From 1. */
  repeat: number
  millis: number
}

/** Takes a part of the storage away for a while, so that partitions are lost and made again. */
export interface Outage {
  /** What goes down, as it is called where it is told to people. */
  readonly name: string
  begin(): Promise<void>
  /** Resolves when the storage is whole again. */
  end(): Promise<void>
}

export interface MeasureOptions {
  counties: readonly number[]
  /** How often each county is created and reused. */
  repeats: number
  /** One after the other in each repeat; after each begins, every county is asked for once. */
  outages: readonly Outage[]
  signal: AbortSignal
  /** Told after each question. */
  onProgress: (done: number, total: number) => void
}

/**
 * Asks for the counties one by one as a client does: without their partitions, again with them, and again during each outage.
 * A first round is not measured: it opens connections and warms up code and caches on both sides. What counts is what the server says
 * it did: an answer that came about otherwise than its round expects, during an outage from a partition that was not lost
 * for example, is not measured either.
 */
export async function measureAverages(
  client: Client,
  { counties, repeats, outages, signal, onProgress }: MeasureOptions,
): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  const total = counties.length * (2 + repeats * (2 + outages.length))
  let done = 0

  async function askAll(expected: Operation, repeat: number): Promise<void> {
    for (const county of counties) {
      const askedAt = performance.now()
      const { averageLoan } = await client.request(AverageLoanDocument, { countyCode: county }, { signal })
      const millis = performance.now() - askedAt
      const operation = present(averageLoan).source.toLowerCase()
      if (operation === expected && repeat > 0) measurements.push({ operation: expected, county, repeat, millis })
      onProgress(++done, total)
    }
  }

  for (let repeat = 0; repeat <= repeats; repeat++) {
    await client.request(DropPartitionsDocument, { countyCodes: [...counties] }, { signal })
    await askAll('create', repeat)
    await askAll('reuse', repeat)
    if (repeat === 0) continue
    for (const outage of outages) {
      try {
        await outage.begin()
        await askAll('recreate', repeat)
      } catch (error) {
        signal.throwIfAborted() // Ctrl-C ends the command behind the outage too, which then fails: that is not the reason
        throw error
      } finally {
        await outage.end()
      }
    }
  }
  return measurements
}
