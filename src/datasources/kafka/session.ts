import type { Base, BaseOptions } from '@platformatic/kafka'
import { MillraceError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { Call } from '../call.ts'
import { logClosed } from '../logErrors.ts'
import { showKafkaAddress } from './address.ts'
import { closeClient, type KafkaClients, type KafkaConnection, kafkaClients } from './clients.ts'
import { explainKafkaError, kafkaSilent } from './errors.ts'

/** What all calls to one Kafka have in common: clients that end with it, deadlines, and errors in our words. */
export interface KafkaSession {
  /** Without credentials. */
  readonly url: string
  readonly clients: KafkaClients
  /** Aborted when the session is closed. */
  readonly closed: AbortSignal
  /** A client that is closed with the session, or before. UNAVAILABLE once the session is closed. */
  open<Client extends Base<BaseOptions>>(make: () => Client): Client
  discard(client: Base<BaseOptions>): Promise<void>
  /** For a topic that was made or removed: every client looks topics up anew. */
  forgetTopics(): void
  /** What `work` gives, or UNAVAILABLE when that takes longer than `millis`; its errors are explained. What was given up may still go on. */
  answered<T>(work: () => Promise<T>, limits: { millis: number; topic?: string; call?: Call | undefined }): Promise<T>
  close(): Promise<void>
}

export function kafkaSession(connection: KafkaConnection): KafkaSession {
  const url = showKafkaAddress(connection)
  const closing = new AbortController()
  const open = new Set<Base<BaseOptions>>()

  async function discard(client: Base<BaseOptions>): Promise<void> {
    if (open.delete(client)) await closeClient(client)
  }

  return {
    url,
    clients: kafkaClients(connection),
    closed: closing.signal,
    discard,
    forgetTopics() {
      for (const client of open) client.clearMetadata()
    },

    open(make) {
      closing.signal.throwIfAborted()
      const client = make()
      open.add(client)
      return client
    },

    async answered(work, { millis, topic, call = {} }) {
      // Before the work begins: nobody would wait for it any more.
      closing.signal.throwIfAborted()
      call.signal?.throwIfAborted()
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(kafkaSilent(url, millis)), millis)
      try {
        const signals = [late.signal, closing.signal, ...(call.signal ? [call.signal] : [])]
        return await abortable(work(), AbortSignal.any(signals))
      } catch (error) {
        throw explained(error, topic, call)
      } finally {
        clearTimeout(timer)
      }
    },

    async close() {
      closing.abort(logClosed())
      await Promise.all([...open].map(discard))
    },
  }

  function explained(error: unknown, topic: string | undefined, { signal }: Call): unknown {
    if (error instanceof MillraceError || (signal?.aborted && error === signal.reason)) return error
    // A client says so in words of its own.
    return closing.signal.aborted ? closing.signal.reason : explainKafkaError(error, url, topic)
  }
}
