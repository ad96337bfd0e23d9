import { sqliteLog } from '../../src/datasources/sqliteLog.ts'

/** Sends records in a process of its own: logSender.ts <file> <topic> <name> <count>; values are "name:0", "name:1", ... one send each. */
const [file = '', topic = '', name = '', count] = process.argv.slice(2)

const log = sqliteLog({ file })
const producer = log.producer()
for (let index = 0; index < Number(count); index += 1) {
  await producer.send(topic, [{ key: Buffer.from(name), value: Buffer.from(`${name}:${index}`), partition: 0 }])
}
await log.close()
