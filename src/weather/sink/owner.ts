import type { Call } from '../../datasources/call.ts'
import { jsonBytes } from '../../datasources/jsonFile.ts'
import type { ExclusivePublisher } from '../../datasources/publish.ts'
import type { FileLayout, Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode, MillraceError } from '../../errors.ts'
import { OWNER_FOLDER, ownerPath, parseOwnerName } from './paths.ts'

/** The right to write a partition's files, until somebody takes it over. */
export interface Ownership {
  epoch: number
  /**
   * CONFLICT once a later owner is there. What follows can still happen after the next one began, if this process stands still in between:
   * that does no harm, because a batch has one name that is given once; but it happens at most once.
   */
  confirm(call: Call): Promise<void>
  /** Forgets earlier owners: the latest alone says who owns the partition. */
  forgetEarlier(call: Call): Promise<void>
}

export interface OwnerOptions {
  partition: number
  storage: Storage
  publisher: ExclusivePublisher
  layout: FileLayout
  nowMillis: () => number
}

/** Takes a partition over, from whoever has it. Of two that do so at the same time both succeed, the later one for good. */
export async function takeOver(options: OwnerOptions, call: Call): Promise<Ownership> {
  const { partition, publisher, layout, nowMillis } = options
  for (;;) {
    const epoch = Math.max(0, ...(await epochs(options, call))) + 1
    const content = jsonBytes({ partition, epoch, since: new Date(nowMillis()).toISOString() })
    try {
      await publisher.publishNew(ownerPath(partition, epoch), () => [content], layout, { call })
    } catch (error) {
      if (hasCode(error, 'CONFLICT')) continue
      throw error
    }
    return {
      epoch,
      async confirm(call) {
        const latest = Math.max(...(await epochs(options, call)), epoch)
        if (latest === epoch) return
        throw new MillraceError(
          'CONFLICT',
          `expected to own partition ${partition} as epoch ${epoch}, but epoch ${latest} took it over`,
          { hint: 'Another consumer of this partition was started; one at a time writes its files.' },
        )
      },
      async forgetEarlier(call) {
        for (const earlier of await epochs(options, call)) {
          if (earlier < epoch) await options.storage.remove(ownerPath(partition, earlier), call)
        }
      },
    }
  }
}

async function epochs({ storage, partition }: OwnerOptions, call: Call): Promise<number[]> {
  const owners = (await storage.list(OWNER_FOLDER, call)).map(({ path }) => parseOwnerName(nameOf(path)))
  return owners.filter(owner => owner?.partition === partition).map(owner => owner!.epoch)
}
