import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'

/** Rows in aligned columns without lines, as `ps` and `docker ps` print them; numbers to the right. */
export function formatTable(heads: string[], rows: (string | number)[][]): string {
  const alignments = heads.map((_, column) => (rows.every(row => typeof row[column] === 'number') ? 'right' : 'left'))
  return format(heads, rows, alignments, {})
}

/** With a line above, under the heads, and below. */
export function formatRuledTable(heads: string[], rows: string[][], alignments: Alignment[]): string {
  return format(heads, rows, alignments, { top: '─', mid: '─', bottom: '─' })
}

type Alignment = 'left' | 'right'

function format(heads: string[], rows: (string | number)[][], colAligns: Alignment[], lines: Partial<typeof noLines>) {
  const ruled = lines.mid !== undefined
  const table = new Table({
    head: heads,
    colAligns,
    chars: { ...noLines, ...lines },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: ruled },
  })
  table.push(...rows)
  const output = table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
  // cli-table3 rules under the padding of the last column too, which may be one line more on a narrow terminal.
  const isRule = (line: string) => line.startsWith('─')
  const width = Math.max(...output.filter(line => !isRule(line)).map(line => stripVTControlCharacters(line).length))
  return output.map(line => (isRule(line) ? line.slice(0, width) : line)).join('\n')
}

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
}
