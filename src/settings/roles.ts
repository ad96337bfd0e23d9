import { z } from 'zod'
import { parseEngineUrl, parseSourceUrl, parseStorageUrl, parseWarehouseUrl } from '../roleUrls.ts'
import { parsed, setting, wholeNumber } from './setting.ts'

/** Which systems play the five roles, but for the log, and how patient Millrace is with them. */
export const ROLES_SETTINGS = {
  MILLRACE_SOURCE_URL: setting({
    description:
      'Where the rows come from: mysql://user:password@host:3306/database, or duckdb:<file>. Unset: a DuckDB file in the data directory, filled with a synthetic sample.',
    fallback: '',
    expected: 'mysql://user:password@host:3306/database or duckdb:<file>',
    schema: z.string().transform(parsed(parseSourceUrl)),
  }),
  MILLRACE_STORAGE_URL: setting({
    description:
      'Where the files go: webhdfs://user@namenode:9870 (more NameNodes after commas), or file:<folder>. Unset: the folder "storage" in the data directory.',
    fallback: '',
    expected: 'webhdfs://user@namenode:9870 or file:<folder>',
    schema: z.string().transform(parsed(parseStorageUrl)),
  }),
  MILLRACE_ENGINE_URL: setting({
    description:
      'What runs SQL over the files of the storage: sc://spark:15002/;token=... (Spark Connect), or duckdb:. Unset: DuckDB inside the server.',
    fallback: '',
    expected: 'sc://host:15002/;token=... or duckdb:',
    schema: z.string().transform(parsed(parseEngineUrl)),
  }),
  MILLRACE_ENGINE_STORAGE_URL: setting({
    description:
      'How Spark names the root of the storage: hdfs://namenode:9000, or file:///folder. Unset: asked of the NameNode, or the folder of the storage.',
    fallback: '',
    expected: 'hdfs://namenode:9000 or file:///folder',
    schema: z.string().regex(/^(?:hdfs:\/\/[\w.:[\]-]+(?:\/[^?#]*)?|file:\/\/\/[^?#]*)?$/),
  }),
  MILLRACE_WAREHOUSE_URL: setting({
    description:
      'Where results go: postgres://user:password@host:5432/database, or duckdb:<file>. Unset: the file warehouse.duckdb in the data directory.',
    fallback: '',
    expected: 'postgres://user:password@host:5432/database or duckdb:<file>',
    schema: z.string().transform(parsed(parseWarehouseUrl)),
  }),
  MILLRACE_SOURCE_WAIT_SECONDS: setting({
    description: 'How long a migration waits for a database that is still starting.',
    fallback: '120',
    ...wholeNumber(0, 86_400),
  }),
  MILLRACE_STORAGE_WAIT_SECONDS: setting({
    description: 'How long a migration waits for a storage that is starting, in safe mode or fails over.',
    fallback: '60',
    ...wholeNumber(0, 86_400),
  }),
}
