import { type DatabaseAddress, type DatabaseUrlShape, parseDatabaseUrl, showDatabaseAddress } from './databaseUrl.ts'

export type MysqlAddress = DatabaseAddress

const SHAPE: DatabaseUrlShape = { schemes: ['mysql'], defaultPort: 3306, defaultUser: 'root' }

/** `mysql://user:password@host:3306/database`; see parseDatabaseUrl. */
export function parseMysqlUrl(text: string): MysqlAddress {
  return parseDatabaseUrl(text, SHAPE)
}

export function showMysqlAddress(address: MysqlAddress): string {
  return showDatabaseAddress(address, SHAPE)
}
