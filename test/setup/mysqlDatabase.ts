import { randomUUID } from 'node:crypto'
import { type Connection, createConnection } from 'mysql2/promise'

/** A database of one test file on a server that others use too. */
export interface MysqlDatabase {
  name: string
  url: string
  /** In that database, as the server's administrator. */
  connection: Connection
  /** Drops the database and disconnects. */
  drop(): Promise<void>
}

/** `serverUrl` names any database of the server. */
export async function createMysqlDatabase(serverUrl: string): Promise<MysqlDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const connection = await createConnection({ uri: serverUrl, charset: 'UTF8MB4_GENERAL_CI' })
  await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
  await connection.query(`USE ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    name,
    url: url.href,
    connection,
    async drop() {
      await connection.query(`DROP DATABASE ${name}`)
      await connection.end()
    },
  }
}
