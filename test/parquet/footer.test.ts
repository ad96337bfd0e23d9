import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import fc from 'fast-check'
import { Table, writeParquet } from 'parquet-wasm'
import { expect, test } from 'vitest'
import { hasCode } from '../../src/errors.ts'
import { footerLength, parseFooter, rowCount, sealFooter, TRAILER_BYTES } from '../../src/parquet/footer.ts'
import { readStruct, type Struct, ThriftError, TYPE, type Value, writeStruct } from '../../src/parquet/thrift.ts'

const integer = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(value => {
    const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    return isSafe ? Number(value) : value
  }),
)
const bytes = fc.uint8Array({ maxLength: 300 })

const { struct } = fc.letrec<{ struct: Struct; typed: { type: number; value: Value } }>(tie => ({
  struct: fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), tie('typed')), { maxLength: 6 }).map(steps => {
    let id = 0
    return steps.map(([step, { type, value }]) => {
      id += step
      return { id, type, value }
    })
  }),
  typed: fc.oneof(
    { depthSize: 'small' },
    fc.boolean().map(value => ({ type: value ? TYPE.TRUE : TYPE.FALSE, value })),
    fc.integer({ min: 0, max: 255 }).map(value => ({ type: TYPE.BYTE, value })),
    integer.map(value => ({ type: TYPE.I64, value })),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map(value => ({ type: TYPE.DOUBLE, value })),
    bytes.map(value => ({ type: TYPE.BINARY, value })),
    fc.array(integer, { maxLength: 40 }).map(values => ({ type: TYPE.LIST, value: { elementType: TYPE.I64, values } })),
    fc.array(bytes, { maxLength: 4 }).map(values => ({ type: TYPE.SET, value: { elementType: TYPE.BINARY, values } })),
    fc
      .array(tie('struct'), { maxLength: 3 })
      .map(values => ({ type: TYPE.LIST, value: { elementType: TYPE.STRUCT, values } })),
    tie('struct').map(value => ({ type: TYPE.STRUCT, value })),
  ),
}))

test('any Thrift struct that is written is read back equal', () => {
  fc.assert(
    fc.property(struct, value => {
      expect(readStruct(writeStruct(value))).toEqual(value)
    }),
    { numRuns: 2_000 },
  )
})

test('bytes that are no Thrift are refused, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), garbage => {
      try {
        readStruct(garbage)
      } catch (error) {
        expect(error).toBeInstanceOf(ThriftError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a footer of DuckDB and one of parquet-wasm keep every byte when they are read and written again', async () => {
  for (const file of [await fileOfDuckDb(), fileOfParquetWasm()]) {
    const footer = parseFooter(file)
    expect(rowCount(footer)).toBe(3)
    const end = file.subarray(file.length - TRAILER_BYTES - footerLength(file))
    expect(Buffer.compare(sealFooter(footer), end)).toBe(0)
  }
})

test('a footer holds nothing of the file that it was read from', async () => {
  const file = Buffer.from(fileOfParquetWasm())
  const footer = parseFooter(file)
  const sealed = sealFooter(footer)
  file.fill(0)
  expect(Buffer.compare(sealFooter(footer), sealed)).toBe(0)
})

test('a file cut off anywhere, or with any bit of its footer flipped, is refused as lost or still parses; nothing else', () => {
  const file = fileOfParquetWasm()
  const end = footerLength(file) + TRAILER_BYTES
  fc.assert(
    fc.property(fc.nat(end * 8 - 1), fc.nat(file.length), (bit, length) => {
      const flipped = Uint8Array.from(file)
      flipped[file.length - end + (bit >> 3)]! ^= 1 << (bit & 7)
      for (const broken of [flipped, file.subarray(0, length)]) {
        try {
          rowCount(parseFooter(broken))
        } catch (error) {
          expect(hasCode(error, 'DATA_LOST')).toBe(true)
        }
      }
    }),
    { numRuns: 2_000 },
  )
})

async function fileOfDuckDb(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-footer-'))
  try {
    const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
    await duckdb.run(
      `COPY (SELECT range AS id, 'x' || range AS name, [range] AS list, {'a': range} AS nested FROM range(3)) TO '${folder}/f.parquet'`,
    )
    duckdb.closeSync()
    return await readFile(join(folder, 'f.parquet'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

function fileOfParquetWasm(): Uint8Array {
  const table = tableFromArrays({
    id: Int32Array.of(1, 2, 3),
    name: ['a', null, 'c'],
    ratio: Float64Array.of(0.5, 1, -1),
  })
  return writeParquet(Table.fromIPCStream(tableToIPC(table, 'stream')))
}
