import type { Source } from '../../src/datasources/source.ts'

/** The source, with rows() made of what wireRows() gives. */
export function byWireRows(source: Source): Source {
  return {
    ...source,
    async *rows(query, call) {
      for await (const wire of source.wireRows!(query, call)) {
        const columns = wire.formats.length
        yield Array.from({ length: wire.rows }, (_, row) =>
          Array.from({ length: columns }, (_, column) => wire.value(row, column)),
        )
      }
    },
  }
}
