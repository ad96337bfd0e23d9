import type { Connection } from 'mysql2/promise'

export interface AllTypesColumn {
  name: string
  /** As CREATE TABLE has it. */
  sqlType: string
  /** SQL literals of the extremes; a column with fewer than others repeats its own from the start. */
  values: readonly string[]
}

const column = (name: string, sqlType: string, ...values: string[]): AllTypesColumn => ({ name, sqlType, values })

/** One column of every SQL type that a migration must carry, and the values most likely to break. */
export const ALL_TYPES_COLUMNS: readonly AllTypesColumn[] = [
  column('tiny', 'TINYINT', '-128', '127', '0', '-1'),
  column('tiny_unsigned', 'TINYINT UNSIGNED', '0', '255', '128'),
  column('flag', 'BOOLEAN', 'TRUE', 'FALSE'),
  column('small', 'SMALLINT', '-32768', '32767', '0'),
  column('small_unsigned', 'SMALLINT UNSIGNED', '0', '65535', '32768'),
  column('medium', 'MEDIUMINT', '-8388608', '8388607', '-1'),
  column('medium_unsigned', 'MEDIUMINT UNSIGNED', '0', '16777215', '8388608'),
  column('int', 'INT', '-2147483648', '2147483647', '-1'),
  column('int_unsigned', 'INT UNSIGNED', '0', '4294967295', '2147483648'),
  column('int_zerofill', 'INT(10) ZEROFILL', '0', '42', '4294967295'),
  column(
    'big',
    'BIGINT',
    '-9223372036854775808',
    '9223372036854775807',
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '-1',
    '0',
  ),
  column(
    'big_unsigned',
    'BIGINT UNSIGNED',
    '0',
    '18446744073709551615',
    '9223372036854775808',
    '9007199254740993',
    '4294967296',
  ),
  column('decimal_small', 'DECIMAL(5,2)', '-999.99', '999.99', '0', '-0.01', '12.5'),
  column(
    'decimal_38',
    'DECIMAL(38,10)',
    '-9999999999999999999999999999.9999999999',
    '9999999999999999999999999999.9999999999',
    '0.0000000001',
    '-0.0000000001',
  ),
  column(
    'decimal_38_0',
    'DECIMAL(38,0)',
    '-99999999999999999999999999999999999999',
    '99999999999999999999999999999999999999',
    '18446744073709551616',
  ),
  column(
    'decimal_65',
    'DECIMAL(65,30)',
    '-99999999999999999999999999999999999.999999999999999999999999999999',
    '99999999999999999999999999999999999.999999999999999999999999999999',
    '0.000000000000000000000000000001',
  ),
  column('decimal_zerofill', 'DECIMAL(10,2) ZEROFILL', '0', '12.50', '99999999.99'),
  column(
    'float',
    'FLOAT',
    '3.4028234663852886e38',
    '-3.4028234663852886e38',
    '1.1754943508222875e-38',
    '1.401298464324817e-45',
    '0.1',
    '16777217',
    '-0e0',
    '123456.789',
  ),
  column(
    'double',
    'DOUBLE',
    '1.7976931348623157e308',
    '-1.7976931348623157e308',
    '2.2250738585072014e-308',
    '5e-324',
    '0.1e0',
    '-0e0',
    '9007199254740993',
    '123456789.12345679e0',
  ),
  column('double_unsigned', 'DOUBLE UNSIGNED', '0', '0.30000000000000004e0', '1e300'),
  column(
    'date',
    'DATE',
    "'1000-01-01'",
    "'9999-12-31'",
    "'1970-01-01'",
    "'1969-12-31'",
    "'2024-02-29'",
    "'0001-01-01'",
  ),
  column(
    'datetime_0',
    'DATETIME',
    "'1000-01-01 00:00:00'",
    "'9999-12-31 23:59:59'",
    "'1970-01-01 00:00:00'",
    "'1969-12-31 23:59:59'",
  ),
  column('datetime_3', 'DATETIME(3)', "'2021-03-14 02:30:00.120'", "'1000-01-01 00:00:00.001'", "'2021-01-01'"),
  column(
    'datetime_6',
    'DATETIME(6)',
    "'1000-01-01 00:00:00.000001'",
    "'9999-12-31 23:59:59.999999'",
    "'1969-12-31 23:59:59.999999'",
    "'2021-03-28 02:30:00.100000'",
    "'2021-01-01 00:00:00'",
  ),
  column('timestamp_0', 'TIMESTAMP NULL', "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2021-03-28 02:30:00'"),
  column(
    'timestamp_6',
    'TIMESTAMP(6) NULL',
    "'1970-01-01 00:00:01.000000'",
    "'2038-01-19 03:14:07.999999'",
    "'2021-10-31 01:30:00.000001'",
  ),
  column('time_0', 'TIME', "'00:00:00'", "'838:59:59'", "'-838:59:59'", "'-00:00:01'", "'24:00:00'"),
  column(
    'time_6',
    'TIME(6)',
    "'838:59:58.999999'",
    "'-838:59:58.999999'",
    "'00:00:00.000001'",
    "'-00:00:00.100000'",
    "'12:34:56'",
  ),
  column('year', 'YEAR', '1901', '2155', '0', '2021'),
  column('bit_1', 'BIT(1)', "b'0'", "b'1'"),
  column('bit_9', 'BIT(9)', "b'111111111'", "b'100000000'", "b'0'"),
  column('bit_64', 'BIT(64)', '0xFFFFFFFFFFFFFFFF', '0x8000000000000000', '0x20000000000001', "b'0'"),
  column('char', 'CHAR(10)', "''", "'abc'", "'über'", "'🌍🚀'"),
  column(
    'varchar',
    'VARCHAR(300)',
    "''",
    "' leading and trailing '",
    "'it''s \"quoted\" \\\\ `x`'",
    "REPEAT('ß', 300)",
  ),
  column('varchar_latin1', 'VARCHAR(20) CHARACTER SET latin1', "'Zürich'", "'naïve €'", "''"),
  column('text', 'TEXT', "'🌍 zero\\0byte'", "'line\\nbreak\\ttab'", "REPEAT('long ', 13000)", "''", "'NULL'"),
  column('longtext', 'LONGTEXT', "REPEAT('🚀', 70000)", '\'[1, null, "x"]\''),
  column('binary', 'BINARY(4)', "X'00000000'", "X'FFFEFDFC'", "X'01'"),
  column('varbinary', 'VARBINARY(300)', "''", "X'00FF'", "REPEAT(X'00', 300)", "X'C328'"),
  column('blob', 'BLOB', "''", "X'89504E470D0A1A0A'", "REPEAT(X'FF', 65535)"),
  column('longblob', 'LONGBLOB', "REPEAT(X'DEADBEEF', 100000)", "X'00'"),
  column('json', 'JSON', '\'{"a": [1, 2.5, null, "ü🌍"]}\'', "'[]'", "'null'", "'18446744073709551615'"),
  column('enum', "ENUM('', 'small', 'large', 'größe')", "'small'", "''", "'größe'"),
  column('set', "SET('a', 'b', 'ç')", "''", "'a,b,ç'", "'ç'"),
  column('with-hyphen', 'INT', '1', '2'),
  column('with `backquote`', 'VARCHAR(10)', "'x'"),
  column('with "quotes" and \'', 'VARCHAR(10)', "'y'"),
  column('größe', 'INT', '7'),
  column('select', 'BIGINT', '8'),
]

/** MySQL takes these only without NO_ZERO_DATE; they are in a table of their own, `zero_dates`, shaped like `loans`. */
export const ZERO_DATES_COLUMNS: readonly AllTypesColumn[] = [
  column('date', 'DATE', "'0000-00-00'", "'2021-00-00'", "'2021-06-00'"),
  column('datetime_0', 'DATETIME', "'0000-00-00 00:00:00'", "'2021-00-00 12:00:00'"),
  column('datetime_6', 'DATETIME(6)', "'0000-00-00 00:00:00'", "'2021-06-00 00:00:00.000001'"),
  column('timestamp_6', 'TIMESTAMP(6) NULL', "'0000-00-00 00:00:00'", "'2021-06-01 00:00:00'"),
]

const LOAN_TYPE_NAMES = ['Conventional', 'FHA', 'VA', 'FSA/RHS']
/** Above the loans that the migration drops: too small, too large, of no known type. */
const DROPPED = [
  ['5000', '1'],
  ['30000', '1'],
  ['800000', '1'],
  ['805000', '2'],
  ['100000', '9'],
  ['100000', 'NULL'],
  ['NULL', '1'],
] as const

/**
 * Replaces `loans`, `loan_types` and `zero_dates` in the connection's database. `loans` has an id, what the migration joins and filters by,
 * and ALL_TYPES_COLUMNS; its first row is NULL in all of those, and its last rows are not in range.
 */
export async function createAllTypesTables(connection: Connection): Promise<void> {
  await connection.query("SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', NAMES utf8mb4")
  await connection.query('DROP TABLE IF EXISTS loan_types')
  await connection.query('CREATE TABLE loan_types (id BIGINT NOT NULL PRIMARY KEY, loan_type_name TEXT)')
  const types = LOAN_TYPE_NAMES.map((name, index) => `(${index + 1}, '${name}')`)
  await connection.query(`INSERT INTO loan_types VALUES ${types.join(', ')}`)
  await createLoansLike(connection, 'loans', ALL_TYPES_COLUMNS)
  await createLoansLike(connection, 'zero_dates', ZERO_DATES_COLUMNS)
}

async function createLoansLike(
  connection: Connection,
  table: string,
  columns: readonly AllTypesColumn[],
): Promise<void> {
  await connection.query(`DROP TABLE IF EXISTS ${table}`)
  const definitions = columns.map(({ name, sqlType }) => `${quote(name)} ${sqlType}`)
  await connection.query(
    `CREATE TABLE ${table} (id INT NOT NULL, county_code DOUBLE, loan_amount DOUBLE, loan_type_id BIGINT, ${definitions.join(', ')}) CHARACTER SET utf8mb4`,
  )
  const longest = Math.max(...columns.map(({ values }) => values.length))
  for (let row = 0; row <= longest; row++) {
    const county = row % 4 === 3 ? 'NULL' : String(55_001 + 2 * (row % 3))
    const values = columns.map(({ values }) => (row === 0 ? 'NULL' : values[(row - 1) % values.length]))
    await insert(table, row, county, String(35_000 + 10_000 * row), String(1 + (row % 4)), values)
  }
  for (const [index, [amount, type]] of DROPPED.entries()) {
    const values = columns.map(() => 'NULL')
    await insert(table, longest + 1 + index, '55001', amount, type, values)
  }

  async function insert(
    table: string,
    id: number,
    county: string,
    amount: string,
    type: string,
    values: (string | undefined)[],
  ) {
    await connection.query(`INSERT INTO ${table} VALUES (${[id, county, amount, type, ...values].join(', ')})`)
  }
}

/** A name in MySQL. */
export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
