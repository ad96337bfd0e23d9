import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import { abortable } from '../../datasources/abortable.ts'
import type { Clock } from '../../datasources/clock.ts'
import { MillraceError } from '../../errors.ts'
import type { BlockToProcess, ProcessorOutcome, ProcessorReply } from './processorBlock.ts'

/** A module of the user's that works on each block before it is acknowledged. It runs in a thread of its own, one block at a time. */
export interface Processor {
  /** Never rejects but with the signal's reason; the thread is ended then, and at the deadline, whatever the module is at. */
  process(block: BlockToProcess, signal: AbortSignal): Promise<Processed>
  close(): Promise<void>
}

/** `late`: it had not ended by the deadline. */
export type Processed = ProcessorOutcome | { kind: 'late'; message: string }

export interface ProcessorOptions {
  /** Of the module, relative to the folder of the process. */
  file: string
  /** For one block. */
  deadlineMillis: number
  clock: Clock
}

/** A module that has not been loaded by then is no module. */
const LOAD_MILLIS = 30_000

/** BAD_USER_INPUT where the module cannot be loaded or has no function `process`. */
export async function openProcessor({ file, deadlineMillis, clock }: ProcessorOptions): Promise<Processor> {
  const place = resolve(file)
  let thread: Thread | undefined = await startThread(place)

  async function end(): Promise<void> {
    const ending = thread
    thread = undefined
    await ending?.end()
  }

  return {
    async process(block, signal) {
      signal.throwIfAborted()
      try {
        thread ??= await startThread(place)
      } catch (error) {
        return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
      }
      const done = new AbortController()
      const deadline = AbortSignal.any([signal, done.signal])
      const seconds = deadlineMillis / 1_000
      const late = clock
        .pause(deadlineMillis, deadline)
        .then((): Processed => ({ kind: 'late', message: `the processor had not ended after ${seconds} s` }))
      late.catch(() => {})
      try {
        const outcome = await abortable(Promise.race([thread.ask(block), late]), signal)
        if (outcome.kind === 'late' || thread.isOver()) await end()
        return outcome
      } catch (error) {
        await end()
        throw error
      } finally {
        done.abort()
      }
    },
    close: end,
  }
}

interface Thread {
  ask(block: BlockToProcess): Promise<ProcessorOutcome>
  isOver(): boolean
  end(): Promise<void>
}

async function startThread(place: string): Promise<Thread> {
  // Beside this file, under the same kind of name: TypeScript in tests, JavaScript when built.
  const program = import.meta.url.endsWith('.ts') ? './processorThread.ts' : './processorThread.js'
  const worker = new Worker(new URL(program, import.meta.url), { workerData: place, stdout: true })
  // What it prints must not mix with results for other programs.
  worker.stdout.pipe(process.stderr, { end: false })
  let over = false
  let answer = Promise.withResolvers<ProcessorReply>()
  const answered = (reply: ProcessorReply) => answer.resolve(reply)
  worker.on('message', answered)
  worker.on('error', (error: unknown) => {
    over = true
    answered({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  })
  worker.on('exit', code => {
    over = true
    answered({ kind: 'failed', message: `the processor ended its thread with code ${code}` })
  })

  const timer = setTimeout(() => {
    answered({ kind: 'unusable', message: `it was not loaded within ${LOAD_MILLIS / 1_000} s` })
  }, LOAD_MILLIS)
  const first = await answer.promise
  clearTimeout(timer)
  if (first.kind !== 'ready') {
    await worker.terminate()
    throw noProcessor(place, messageOf(first))
  }
  return {
    async ask(block) {
      answer = Promise.withResolvers()
      if (over) return { kind: 'failed', message: 'the processor has ended its thread' }
      worker.postMessage(block)
      const reply = await answer.promise
      return reply.kind === 'done' ? reply : { kind: 'failed', message: messageOf(reply) }
    },
    isOver: () => over,
    async end() {
      await worker.terminate()
    },
  }
}

function messageOf(reply: ProcessorReply): string {
  return 'message' in reply ? reply.message : 'it answered out of turn'
}

function noProcessor(place: string, reason: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `Expected a processor module at ${place}, but ${reason}.`, {
    hint: 'It is a file such as ./module.js with: export async function process(block) { ... }',
  })
}
