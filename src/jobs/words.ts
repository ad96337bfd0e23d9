import type { JobKind, Progress } from './job.ts'

/** "120,000 of 426,716 rows", "120,000 rows" while the total is not known, "the start" before the first report. */
export function describeProgress({ done, total, unit }: Progress): string {
  if (unit === '') return 'the start'
  const of = total === null ? '' : ` of ${count(total)}`
  return `${count(done)}${of} ${unit}`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** How to go on after the server died in the middle of a job of this kind. */
export const resumeHints: Record<JobKind, string> = {
  MIGRATE_LOANS: 'Run migrateLoans again; the file in storage is the old one or the new one, never a part.',
  WEATHER: 'Run startWeather again; it goes on after the last row that is stored, and stores none twice.',
  COMPACT_WEATHER: 'Run compactWeather again; readers see the small files or the merged one, never both.',
  SEND_FILES: 'Run sendFiles again; blocks that were acknowledged are not sent again.',
  INGEST_CITIZENS: 'Run ingestCitizens again for the same date; it replaces what it wrote.',
  WAREHOUSE_RUN: 'Run runWarehouse again for the same date; only the steps that are not done are repeated.',
}
