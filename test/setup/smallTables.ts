/** MySQL for six loans in two counties; one loan is too small and one too large to be migrated. Averages: 55001 150,000, 55003 100,000. */
export const SMALL_TABLES = [
  'CREATE TABLE loan_types (id BIGINT, loan_type_name TEXT)',
  `INSERT INTO loan_types VALUES (1, 'Conventional'), (2, 'FHA')`,
  'CREATE TABLE loans (county_code BIGINT, loan_amount BIGINT, loan_type_id BIGINT)',
  `INSERT INTO loans VALUES (55001, 100000, 1), (55001, 200001, 2), (55003, 105000, 1), (55003, 95000, 1),
     (55001, 30000, 1), (55003, 800000, 2)`,
]
