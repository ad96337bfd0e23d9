import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { duckdbSource } from '../../src/datasources/duckdbSource.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { parseSparkUrl } from '../../src/datasources/spark/url.ts'
import { sparkEngine } from '../../src/datasources/sparkEngine.ts'
import { sparkProblem } from '../../src/loans/migrateBySpark.ts'

test('Spark reads databases that its machines can reach, and no file of this server', async () => {
  const storage = localStorage({ folder: join(tmpdir(), 'never-made') })
  const engine = sparkEngine({
    address: parseSparkUrl('sc://localhost:1'),
    storage,
    storageUrl: async () => 'file:///',
  })
  const file = duckdbSource({ file: join(tmpdir(), 'never-made.duckdb') })
  const database = mysqlSource({ url: 'mysql://root@localhost:1/any' })
  expect(sparkProblem(engine, file)).toMatchObject({
    code: 'BAD_USER_INPUT',
    hint: expect.stringContaining('MILLRACE_SOURCE_URL'),
  })
  expect(sparkProblem(engine, database)).toBeUndefined()
  await Promise.all([engine.close(), file.close(), database.close()])
})
