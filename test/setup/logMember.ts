import { parseKafkaUrl } from '../../src/datasources/kafka/address.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'

/**
 * A member of a group in a process of its own, to be killed and stopped: logMember.ts <URL> <topic> <group> <session, ms>. Prints each event as a line of JSON,
 * and commits all that it reads; a refused commit is an event too. A line on standard input makes it leave and end.
 */
const [url = '', topic = '', groupId = '', session] = process.argv.slice(2)

const log = url.startsWith('kafka:')
  ? kafkaLog({ ...parseKafkaUrl(url), saslMechanism: 'PLAIN', tls: false, tlsCaFile: null, compression: 'none' })
  : sqliteLog({ file: url.slice('sqlite:'.length) })
const group = await log.group(topic, { groupId, sessionTimeoutMillis: Number(session) })
const stop = new AbortController()
process.stdin.once('data', () => stop.abort())

while (!stop.signal.aborted) {
  try {
    const event = await group.next({ maxBytes: 1_000, waitMillis: 10_000 }, { signal: stop.signal })
    if (event?.kind === 'records') {
      const { partition, records, nextOffset } = event
      say({ kind: 'records', partition, offsets: records.map(({ offset }) => offset) })
      await group.commit([{ partition, offset: nextOffset }])
      say({ kind: 'committed', partition, offset: nextOffset })
    } else if (event) {
      say({
        kind: event.kind,
        partitions: event.partitions.map(one => (typeof one === 'number' ? one : one.partition)),
      })
    }
  } catch (error) {
    if (!stop.signal.aborted) say({ kind: 'error', code: (error as { code?: string }).code ?? String(error) })
  }
}
await group.leave()
await log.close()
process.exit()

function say(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
