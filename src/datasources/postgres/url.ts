import { type DatabaseAddress, type DatabaseUrlShape, parseDatabaseUrl, showDatabaseAddress } from '../databaseUrl.ts'

export type PostgresAddress = DatabaseAddress

const SHAPE: DatabaseUrlShape = { schemes: ['postgres', 'postgresql'], defaultPort: 5432, defaultUser: 'postgres' }

/** `postgres://user:password@host:5432/database`, also postgresql://; see parseDatabaseUrl. */
export function parsePostgresUrl(text: string): PostgresAddress {
  return parseDatabaseUrl(text, SHAPE)
}

export function showPostgresAddress(address: PostgresAddress): string {
  return showDatabaseAddress(address, SHAPE)
}
