import Table from 'cli-table3'

/** Rows in aligned columns without lines, as `ps` and `docker ps` print them; numbers to the right. */
export function formatTable(heads: string[], rows: (string | number)[][]): string {
  const table = new Table({
    head: heads,
    colAligns: heads.map((_, column) => (rows.every(row => typeof row[column] === 'number') ? 'right' : 'left')),
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  })
  table.push(...rows)
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
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
