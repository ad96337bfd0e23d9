import { DuckDBInstance } from '@duckdb/node-api'

/** A DuckDB file with six loans in two counties; one loan is too small and one too large to be migrated. */
export async function makeSmallSource(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  await connection.run(
    `CREATE TABLE loan_types AS SELECT * FROM (VALUES (1, 'Conventional'), (2, 'FHA')) AS t(id, loan_type_name)`,
  )
  await connection.run(`CREATE TABLE loans AS SELECT * FROM (VALUES
    (55001, 100000, 1), (55001, 200001, 2), (55003, 105000, 1), (55003, 95000, 1), (55001, 30000, 1), (55003, 800000, 2)
  ) AS t(county_code, loan_amount, loan_type_id)`)
  connection.closeSync()
  instance.closeSync()
}

/** Multiplies every amount, so that a second migration gives other averages. */
export async function changeAmounts(file: string, factor: number): Promise<void> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  await connection.run(
    `UPDATE loans SET loan_amount = loan_amount * ${factor} WHERE loan_amount BETWEEN 30001 AND 799999`,
  )
  connection.closeSync()
  instance.closeSync()
}
