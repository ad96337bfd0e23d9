import { DuckDBInstance } from '@duckdb/node-api'
import { expect, test } from 'vitest'
import { duckdbConnections } from '../../src/datasources/duckdbConnections.ts'
import { MillraceError } from '../../src/errors.ts'

const CLOSED = new MillraceError('CANCELLED', 'closed')
const ENDLESS = 'SELECT count(*) FROM range(1000000000000) WHERE range % 7 = 3'

test('close ends what is under way, and resolves when DuckDB has let go of it', async () => {
  const connections = duckdbConnections(() => DuckDBInstance.create())
  let isUnderWay = false
  const answer = connections.answer({}, async connection => {
    isUnderWay = true
    try {
      return await connection.runAndReadAll(ENDLESS)
    } finally {
      isUnderWay = false
    }
  })
  const refused = expect(answer).rejects.toBe(CLOSED)
  await expect.poll(() => isUnderWay).toBe(true)
  await connections.close(CLOSED)
  expect(isUnderWay).toBe(false)
  await refused
})

test('close waits for an instance that is still being opened', async () => {
  const opened = Promise.withResolvers<DuckDBInstance>()
  const connections = duckdbConnections(() => opened.promise)
  const refused = expect(connections.answer({}, async () => 1)).rejects.toBe(CLOSED)
  let isClosed = false
  const closing = connections.close(CLOSED).then(() => {
    isClosed = true
  })
  await new Promise(resolve => setImmediate(resolve))
  expect(isClosed).toBe(false)
  opened.resolve(await DuckDBInstance.create())
  await closing
  await refused
})

test('a reader that paused between two rows does not hold close up', async () => {
  const connections = duckdbConnections(() => DuckDBInstance.create())
  const rows = connections.stream({}, async function* (connection) {
    yield* (await connection.runAndReadAll('FROM range(3)')).getRows()
  })
  expect((await rows.next()).value).toEqual([0n])
  await connections.close(CLOSED)
  await expect(rows.next()).rejects.toBe(CLOSED)
})
