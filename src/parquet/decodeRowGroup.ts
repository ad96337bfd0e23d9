import {
  Dictionary,
  Field,
  Float64,
  Int32,
  type RecordBatch,
  Schema,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
} from 'apache-arrow'
import { ARROW_SCHEMA, cutRange } from './cutRange.ts'
import { BrokenParquetError, type FileMetaData, groupExtent, rowGroups } from './footer.ts'

/** Text as ids into its distinct words, as files hold it. */
export interface TextColumn {
  ids: Int32Array
  words: string[]
}

export interface DecodedGroup {
  rows: number
  text: ReadonlyMap<string, TextColumn>
  numbers: ReadonlyMap<string, Float64Array>
}

/** What all columns of a file are, in their order. */
export type PlainColumn = { name: string; kind: 'text' | 'number' }

/**
 * Decodes one row group of a file whose columns are text and doubles without NULLs. DATA_LOST where it does not decode, or as other columns.
 * @param bytes The row group's own, from groupExtent().
 */
export async function decodeRowGroup(
  footer: FileMetaData,
  index: number,
  bytes: Uint8Array,
  columns: readonly PlainColumn[],
): Promise<DecodedGroup> {
  const { offset } = groupExtent(rowGroups(footer)[index]!)
  const place = { firstGroup: index, groups: 1, offset, tailOffset: offset }
  const { parts } = cutRange(footer, place, bytes, new Map([[ARROW_SCHEMA, arrowSchema(columns)]]))
  const table = await decode(Buffer.concat(parts))
  const found = table.schema.fields.map(field => `${field.name} ${String(field.type)}`)
  const expected = schemaOf(columns).fields.map(field => `${field.name} ${String(field.type)}`)
  const nulls = table.schema.fields.reduce((sum, { name }) => sum + table.getChild(name)!.nullCount, 0)
  if (found.join() !== expected.join() || nulls > 0) {
    throw new BrokenParquetError(`expected the columns ${expected.join(', ')} without NULLs, found ${found.join(', ')}`)
  }
  const named = (kind: PlainColumn['kind']) => columns.filter(column => column.kind === kind).map(({ name }) => name)
  return {
    rows: table.numRows,
    text: new Map(named('text').map(name => [name, textOf(table.getChild(name)!, table.numRows)])),
    numbers: new Map(named('number').map(name => [name, numbersOf(table.getChild(name)!)])),
  }
}

/** Fewer, larger batches than its own 1,024 rows: each brings its own dictionary. */
const BATCH_ROWS = 65_536

async function decode(file: Uint8Array): Promise<Table> {
  try {
    // When first needed: it takes 30 MB.
    const { readParquet } = await import('parquet-wasm')
    return tableFromIPC(readParquet(file, { batchSize: BATCH_ROWS }).intoIPCStream())
  } catch (cause) {
    throw new BrokenParquetError('a row group does not decode', { cause })
  }
}

function textOf(vector: Vector, rows: number): TextColumn {
  const ids = new Int32Array(rows)
  const words: string[] = []
  const idOf = new Map<string, number>()
  let row = 0
  for (const data of vector.data) {
    const mapped = [...(data.dictionary as Vector<Utf8>)].map(word => {
      const id = idOf.get(word!) ?? words.push(word!) - 1
      idOf.set(word!, id)
      return id
    })
    for (const local of data.values.subarray(0, data.length) as Int32Array) ids[row++] = mapped[local]!
  }
  return { ids, words }
}

function numbersOf(vector: Vector): Float64Array {
  return vector.toArray() as Float64Array
}

function schemaOf(columns: readonly PlainColumn[]): Schema {
  return new Schema(
    columns.map(
      ({ name, kind }) =>
        new Field(name, kind === 'text' ? new Dictionary(new Utf8(), new Int32()) : new Float64(), true),
    ),
  )
}

/** As Arrow's own writers put it into a file: readers then give text as a dictionary, without decoding it for each row. */
function arrowSchema(columns: readonly PlainColumn[]): string {
  const schema = schemaOf(columns)
  return Buffer.from(tableToIPC(new Table(schema, [] as RecordBatch[]), 'stream')).toString('base64')
}
