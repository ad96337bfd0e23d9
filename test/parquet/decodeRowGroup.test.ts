import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SourceColumn } from '../../src/datasources/source.ts'
import { createColumnPacker } from '../../src/parquet/createColumnPacker.ts'
import { decodeRowGroup, type PlainColumn } from '../../src/parquet/decodeRowGroup.ts'
import { encodeColumns } from '../../src/parquet/encodeRowGroup.ts'
import { groupExtent, parseFooter, rowGroups, textBounds } from '../../src/parquet/footer.ts'

const COLUMNS: SourceColumn[] = [
  { name: 'name', type: { kind: 'text' } },
  { name: 'size', type: { kind: 'float', bits: 64 } },
]
const PLAIN: PlainColumn[] = [
  { name: 'name', kind: 'text' },
  { name: 'size', kind: 'number' },
]

type TwoColumns = [name: string | null, size: number | null][]

describe('a row group of text and doubles', () => {
  test('comes back as it was, whether the text repeats or not', async () => {
    const anyName = fc.oneof(fc.constantFrom('a', 'b', ''), fc.string({ unit: 'grapheme' }))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyName, fc.double()), { minLength: 1, maxLength: 300 }), async rows => {
        const { footer, bytes } = encoded(rows)
        const group = await decodeRowGroup(footer, 0, bytes, PLAIN)
        const { ids, words } = group.text.get('name')!
        expect(group.rows).toBe(rows.length)
        expect(Array.from(ids, id => words[id])).toEqual(rows.map(([name]) => name))
        expect(new Set(words).size).toBe(words.length)
        expect([...group.numbers.get('size')!]).toEqual(rows.map(([, size]) => size))
      }),
      { numRuns: 50 },
    )
  })

  test('tells the least and the largest of its text where its writer noted them', () => {
    const { footer } = encoded([
      ['m', 1],
      ['b', 2],
      ['x', 3],
    ])
    const [group] = rowGroups(footer)
    expect(textBounds(group!, 'name')).toEqual({ min: 'b', max: 'x' })
    expect(textBounds(group!, 'size')).toBeUndefined()
    expect(textBounds(group!, 'other')).toBeUndefined()
  })

  test.each<[string, TwoColumns, PlainColumn[]]>([
    ['of other names', [['a', 1]], [PLAIN[0]!, { name: 'weight', kind: 'number' }]],
    ['of other types', [['a', 1]], [PLAIN[0]!, { name: 'size', kind: 'text' }]],
    ['fewer', [['a', 1]], [PLAIN[0]!]],
    ['with NULLs', [['a', null]], PLAIN],
  ])('is damaged where its columns are %s', async (_, rows, columns) => {
    const { footer, bytes } = encoded(rows)
    await expect(decodeRowGroup(footer, 0, bytes, columns)).rejects.toMatchObject({ code: 'DATA_LOST' })
  })

  test('is damaged where its bytes are', async () => {
    const { footer, bytes } = encoded([
      ['a', 1],
      ['b', 2],
    ])
    await expect(decodeRowGroup(footer, 0, bytes.fill(0xff, 0, 20), PLAIN)).rejects.toMatchObject({ code: 'DATA_LOST' })
  })
})

function encoded(rows: TwoColumns) {
  const packed = COLUMNS.map(({ type }, index) => {
    const packer = createColumnPacker(type, { bytes: 1 << 20 })
    packer.pack(rows, index)
    return packer.take()
  })
  const file = encodeColumns({ columns: COLUMNS, packed, statistics: ['name'], plain: ['size'] })
  const footer = parseFooter(file)
  const { offset, length } = groupExtent(rowGroups(footer)[0]!)
  return { footer, bytes: file.subarray(offset, offset + length) }
}
