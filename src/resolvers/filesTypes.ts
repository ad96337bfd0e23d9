import { Field, Float, ID, Int, ObjectType } from 'type-graphql'
import type * as domain from '../files/files.ts'
import { createEnum } from './enums.ts'
import { DateTime, SafeInt } from './scalars.ts'

export const TransferState = createEnum<domain.TransferState>('TransferState', 'How far a file has come.', {
  SENDING: 'Blocks are still to be sent.',
  WAITING: 'All blocks are in the log, and some are not acknowledged yet.',
  COMPLETE: 'Every block is acknowledged.',
  FAILED: 'The file could not be sent, or every block that is not acknowledged was given up; sending it again goes on.',
})

export const MachineState = createEnum<domain.MachineState>('MachineState', 'What a machine said last of itself.', {
  STARTING: 'It begins.',
  BUSY: 'At work.',
  IDLE: 'There is nothing to do.',
  PAUSED: 'It waits, for example for space on its disk; trouble says for what.',
  STOPPED: 'It has ended as it was told to.',
})

@ObjectType({ description: 'A file on its way through the log, as the log knows it. Instants are those of the log.' })
export class FileTransfer implements domain.FileTransfer {
  @Field(() => ID, { description: 'The same while the file does not change; a changed file is another transfer.' })
  transferId!: string

  @Field(() => String, { description: 'Its path below the folder that was sent, with slashes.' })
  file!: string

  @Field(() => SafeInt, { description: 'Bytes of the file.' })
  bytes!: number

  @Field(() => Int, { description: 'In how many blocks it is sent; an empty file is one empty block.' })
  blocks!: number

  @Field(() => Int, { description: 'Blocks that the log has whole, from this run of the sender or an earlier one.' })
  sent!: number

  @Field(() => Int, {
    description: 'Blocks that a machine has stored, checked, processed and acknowledged; each counts once.',
  })
  acknowledged!: number

  @Field(() => Int, { description: 'Blocks that were given up, and not acknowledged since.' })
  failed!: number

  @Field(() => Int, { description: 'How often a block was asked for again, because it was damaged or incomplete.' })
  askedAgain!: number

  @Field(() => SafeInt, { description: 'Bytes in the log, also those of blocks that are not whole yet.' })
  sentBytes!: number

  @Field(() => SafeInt, { description: 'Bytes of the acknowledged blocks.' })
  acknowledgedBytes!: number

  @Field(() => Float, {
    nullable: true,
    description:
      'Speed of the sending while SENDING, of the acknowledging while WAITING, of all of it once COMPLETE; null where it is not known.',
  })
  bytesPerSecond!: number | null

  @Field(() => Float, {
    nullable: true,
    description: 'Estimated seconds until all is acknowledged; 0 at the end, null where there is no estimate.',
  })
  etaSeconds!: number | null

  @Field(() => TransferState, { description: 'How far it has come.' })
  state!: domain.TransferState

  @Field(() => String, {
    nullable: true,
    description: 'What went wrong last; null where nothing did, or all is well in the end.',
  })
  message!: string | null

  @Field(() => String, {
    nullable: true,
    description: 'SHA-256 of the whole file in hexadecimal; null until the sender has read all of it.',
  })
  sha256!: string | null

  @Field(() => [String], { description: 'Machines that have processed or given up blocks of it, ascending.' })
  machines!: string[]

  @Field(() => DateTime, { description: 'When the log took the first record about it.' })
  startedAt!: Date

  @Field(() => DateTime, { description: 'When the log took the last record about it.' })
  updatedAt!: Date
}

@ObjectType({
  description: 'A sender or a receiver of files, as the log knows it; a machine that is both is there twice.',
})
export class Machine implements domain.Machine {
  @Field(() => ID, { description: 'What it calls itself.' })
  id!: string

  @Field(() => String, { description: '"sender" or "receiver".' })
  role!: domain.Machine['role']

  @Field(() => MachineState, { description: 'What it said last of itself.' })
  state!: domain.MachineState

  @Field(() => DateTime, {
    nullable: true,
    description: "When the last record from it came into the log, by the log's clock.",
  })
  lastSeen!: Date

  @Field(() => Boolean, { description: 'Whether it was heard of within the last 15 seconds, and has not stopped.' })
  alive!: boolean

  @Field(() => Int, {
    description: 'Of a receiver: blocks that it acknowledged as processed. Of a sender: blocks that it sent.',
  })
  blocksProcessed!: number

  @Field(() => SafeInt, { description: 'The bytes of these blocks.' })
  bytesProcessed!: number

  @Field(() => Int, {
    description: 'Of a receiver: blocks that it gave up or asked for again. Of a sender: what it counts as failed.',
  })
  failures!: number

  @Field(() => Float, { nullable: true, description: 'Its speed now; null where that is not known.' })
  bytesPerSecond!: number | null

  @Field(() => String, { nullable: true, description: 'What keeps it from its work; null where nothing does.' })
  trouble!: string | null
}
