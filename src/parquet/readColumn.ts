import { tableFromIPC, type Vector } from 'apache-arrow'
import { MillraceError } from '../errors.ts'

/** Some bytes of a file, at the place where they stand in it. */
export interface FilePart {
  offset: number
  bytes: Uint8Array
}

/**
 * Decodes one column of a Parquet file of which only a part is at hand: the footer, its trailer and the column's chunks
 * must be in it. DATA_LOST where it does not decode.
 */
export async function readColumn(file: { length: number; part: FilePart }, column: string): Promise<Vector> {
  try {
    // When first needed: it takes 30 MB, and a migration has its own in the worker.
    const { ParquetFile } = await import('parquet-wasm')
    const parquet = await ParquetFile.fromFile(new PartialFile(file.length, file.part))
    // The reader gives all columns where it does not know the name, hence the check.
    const table = tableFromIPC((await parquet.read({ columns: [column] })).intoIPCStream())
    const vector = table.getChild(column)
    if (!vector || table.numCols !== 1)
      throw new Error(`expected the one column ${column}, found ${table.schema.names.join(', ')}`)
    return vector
  } catch (cause) {
    throw new MillraceError('DATA_LOST', `Column ${column} does not decode as Parquet.`, { cause })
  }
}

/** What parquet-wasm reads through: it asks a Blob for its size and for slices. */
class PartialFile extends Blob {
  readonly #part: FilePart

  constructor(length: number, part: FilePart) {
    super([])
    this.#part = part
    Object.defineProperty(this, 'size', { value: length })
  }

  override slice(start = 0, end = this.size): Blob {
    const { offset, bytes } = this.#part
    if (start < offset || end > offset + bytes.length) throw new Error(`bytes ${start} to ${end} are not at hand`)
    return new Blob([bytes.subarray(start - offset, end - offset) as Uint8Array<ArrayBuffer>])
  }
}
