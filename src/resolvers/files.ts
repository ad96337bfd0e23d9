import { Arg, Ctx, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type * as domain from '../files/files.ts'
import type { Context } from './context.ts'
import { listCost, mutationCost, pageCost, systemCost } from './cost.ts'
import { FileTransfer, Machine, TransferState } from './filesTypes.ts'
import { checkFirst } from './first.ts'
import { Job } from './jobs.ts'
import { answerWith, waitArgument } from './wait.ts'

const DEFAULT_FIRST = 100
const MOST_FIRST = 1_000
const EXPECTED_MACHINES = 10

@Resolver()
export class FilesQueries {
  @Query(() => [FileTransfer], {
    nullable: true,
    complexity: ({ args, childComplexity }) => pageCost(Number(args.first) || DEFAULT_FIRST, childComplexity),
    description:
      'Files on their way and those that have come, as far back as the log goes. What changed last comes first.',
  })
  fileTransfers(
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: DEFAULT_FIRST,
      description: `How many at most, from 1 to ${MOST_FIRST}.`,
    })
    first: number | null,
    @Arg('state', () => TransferState, {
      nullable: true,
      description: 'Only those that have come so far; all where left out.',
    })
    state: domain.TransferState | null | undefined,
    @Ctx() { files }: Context,
  ): Promise<FileTransfer[]> {
    const most = checkFirst(first ?? DEFAULT_FIRST, MOST_FIRST, 'Ask for one file with fileTransfer, or for one state.')
    return files.transfers({ first: most, state: state ?? undefined })
  }

  @Query(() => FileTransfer, {
    nullable: true,
    complexity: systemCost,
    description: 'The newest transfer of one file. Null where the log knows none.',
  })
  fileTransfer(
    @Arg('file', () => String, { description: 'Its path below the folder that was sent, for example "a/b.bin".' })
    file: string,
    @Ctx() { files }: Context,
  ): Promise<FileTransfer | null> {
    return files.transfer(file)
  }

  @Query(() => [Machine], {
    nullable: true,
    complexity: listCost(EXPECTED_MACHINES),
    description: 'Senders and receivers that the log knows. What was heard of last comes first.',
  })
  machines(@Ctx() { files }: Context): Promise<Machine[]> {
    return files.machines()
  }
}

@Resolver()
export class FilesMutations {
  @Mutation(() => Job, {
    nullable: true,
    complexity: mutationCost,
    description: `Sends every file below a folder of the server's outbox through the log; blocks that were acknowledged before are not sent again.
Error FORBIDDEN for a folder elsewhere, NOT_FOUND for none, CONFLICT while another is sent.`,
  })
  async sendFiles(
    @Arg('folder', () => String, {
      description: 'Relative to the outbox (MILLRACE_FILES_ROOT), "." for all of it; or an absolute path below it.',
    })
    folder: string,
    @Arg('wait', () => Boolean, waitArgument) wait: boolean | null,
    @Arg('acknowledged', () => Boolean, {
      nullable: true,
      defaultValue: false,
      description:
        'Whether the job goes on until receivers have acknowledged every block; else until the log has them.',
    })
    acknowledged: boolean | null,
    @Ctx() { files, jobs }: Context,
  ): Promise<Job> {
    return await answerWith(await files.send(folder, { acknowledged: acknowledged ?? false }), wait, jobs)
  }
}

@Resolver()
export class FilesSubscriptions {
  @Subscription(() => FileTransfer, {
    subscribe: ({ args, context }) =>
      (context as Context).files.watchTransfers(typeof args.file === 'string' ? args.file : undefined),
    description: `Transfers now, then as they change, whichever machine changes them. With a file: its newest transfer, until it is COMPLETE or FAILED.
Without: those under way at first, then all that change, without an end.`,
  })
  transferProgress(
    @Root() transfer: domain.FileTransfer,
    @Arg('file', () => String, {
      nullable: true,
      description: 'Only this file: its path below the folder that was sent.',
    })
    _file: string | null | undefined,
  ): FileTransfer {
    return transfer
  }
}
