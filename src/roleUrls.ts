import { resolve } from 'node:path'
import {
  type Compression,
  type KafkaAddress,
  parseKafkaUrl,
  type SaslMechanism,
  showKafkaAddress,
} from './datasources/kafka/address.ts'
import { type MysqlAddress, parseMysqlUrl, showMysqlAddress } from './datasources/mysqlUrl.ts'
import { type PostgresAddress, parsePostgresUrl, showPostgresAddress } from './datasources/postgres/url.ts'
import { parseSparkUrl, type SparkAddress, showSparkAddress } from './datasources/spark/url.ts'
import { formatWebHdfsUrl, parseWebHdfsUrl, type WebHdfsAddress } from './datasources/webhdfs/url.ts'

/** What the URL of each role binds it to: parsed, and shown without credentials. */

export type SourceConfig =
  /** `sample`: where the file is missing, it is made and filled with the synthetic sample. */
  { kind: 'duckdb'; file: string; sample: boolean } | ({ kind: 'mysql' } & MysqlAddress)

export type StorageConfig = { kind: 'directory'; folder: string } | ({ kind: 'webhdfs' } & WebHdfsAddress)

export type EngineUrl = { kind: 'duckdb' } | ({ kind: 'spark' } & SparkAddress)

export type EngineConfig =
  | { kind: 'duckdb' }
  | ({ kind: 'spark' } & SparkAddress & {
        /** How Spark names the root of the storage; null: asked of the storage. */
        storageUrl: string | null
      })

export type WarehouseConfig = { kind: 'duckdb'; file: string } | ({ kind: 'postgres' } & PostgresAddress)

export type LogUrl = { kind: 'sqlite'; file: string } | ({ kind: 'kafka' } & KafkaAddress)

export type LogConfig =
  | { kind: 'sqlite'; file: string; keepHours: number }
  | ({ kind: 'kafka' } & KafkaAddress & {
        saslMechanism: SaslMechanism
        tls: boolean
        /** Certificates of authorities to trust, in PEM; null: those that Node trusts. */
        tlsCaFile: string | null
        compression: Compression
      })

export type InboxConfig =
  /** `sample`: where the file of a day is missing, the synthetic one is made. */
  { kind: 'folder'; folder: string; sample: boolean } | { kind: 'http'; url: string }

export function parseSourceUrl(text: string): SourceConfig {
  if (text.startsWith('mysql:')) return { kind: 'mysql', ...parseMysqlUrl(text) }
  return { kind: 'duckdb', file: parsePath('duckdb:', text), sample: false }
}

export function parseStorageUrl(text: string): StorageConfig {
  if (text.startsWith('webhdfs:')) return { kind: 'webhdfs', ...parseWebHdfsUrl(text) }
  return { kind: 'directory', folder: parsePath('file:', text) }
}

export function parseLogUrl(text: string): LogUrl {
  if (text.startsWith('kafka:')) return { kind: 'kafka', ...parseKafkaUrl(text) }
  return { kind: 'sqlite', file: parsePath('sqlite:', text) }
}

export function parseEngineUrl(text: string): EngineUrl {
  if (text.startsWith('sc:')) return { kind: 'spark', ...parseSparkUrl(text) }
  if (text !== 'duckdb:') throw new TypeError('no URL of an engine')
  return { kind: 'duckdb' }
}

export function parseWarehouseUrl(text: string): WarehouseConfig {
  if (/^postgres(?:ql)?:/.test(text)) return { kind: 'postgres', ...parsePostgresUrl(text) }
  return { kind: 'duckdb', file: parsePath('duckdb:', text) }
}

export function parseInboxUrl(text: string): InboxConfig {
  if (/^https?:/.test(text) && URL.canParse(text)) return { kind: 'http', url: text }
  return { kind: 'folder', folder: parsePath('file:', text), sample: false }
}

/** file:./relative, file:/absolute and file:///absolute alike. */
function parsePath(scheme: string, text: string): string {
  const path = text.slice(scheme.length).replace(/^\/\/(?=\/)/, '')
  if (!text.startsWith(scheme) || path === '' || path.startsWith('//') || path.includes('\0')) {
    throw new TypeError(`no ${scheme} URL`)
  }
  return resolve(path)
}

export function showSource(source: SourceConfig): string {
  return source.kind === 'mysql' ? showMysqlAddress(source) : `duckdb:${source.file}`
}

export function showStorage(storage: StorageConfig): string {
  return storage.kind === 'webhdfs' ? formatWebHdfsUrl(storage) : `file:${storage.folder}`
}

export function showEngine(engine: EngineConfig): string {
  return engine.kind === 'spark' ? showSparkAddress(engine) : 'duckdb:'
}

export function showWarehouse(warehouse: WarehouseConfig): string {
  return warehouse.kind === 'postgres' ? showPostgresAddress(warehouse) : `duckdb:${warehouse.file}`
}

export function showLog(log: LogConfig): string {
  return log.kind === 'kafka' ? showKafkaAddress(log) : `sqlite:${log.file}`
}

export function showInbox(inbox: InboxConfig): string {
  return inbox.kind === 'http' ? inbox.url.replace(/\/\/[^/]*@/, '//') : `file:${inbox.folder}`
}
