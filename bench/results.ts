import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import type { Measured, Section } from './section.ts'

/** A section as it was measured last, with what made it: sections are measured one by one, and shown together. */
interface Result extends Measured {
  title: string
  /** The place among the others. */
  place: number
  command: string
  date: string
  machine: string
}

const FOLDER = new URL('results/', import.meta.url)
const PAGE = new URL('RESULTS.md', import.meta.url)

export async function keepResult(
  { name, title }: Section,
  place: number,
  repeats: number,
  measured: Measured,
): Promise<void> {
  const result: Result = {
    title,
    place,
    command: `npm run bench -- --only ${name} --repeats ${repeats}`,
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / 1e9).toFixed(0)} GB, Node ${process.versions.node}`,
    ...measured,
  }
  await mkdir(FOLDER, { recursive: true })
  await writeFile(new URL(`${name}.json`, FOLDER), `${JSON.stringify(result, null, 2)}\n`)
}

/** Writes RESULTS.md of all results there are. */
export async function writePage(): Promise<string> {
  const files = (await readdir(FOLDER)).filter(file => file.endsWith('.json'))
  const results = await Promise.all(
    files.map(async file => JSON.parse(await readFile(new URL(file, FOLDER), 'utf8')) as Result),
  )
  const page = `# Measured

Client, server, database, HDFS and all else on one machine, which other work may share: compare figures of one run only. Each section names the command that
made it; the figures are medians of so many repeats unless it says otherwise.

${results
  .toSorted((left, right) => left.place - right.place)
  .map(section)
  .join('\n\n')}
`
  await writeFile(PAGE, page)
  return page
}

function section({ title, command, date, machine, text, heads, rows }: Result): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    `## ${title}`,
    `\`${command}\` on ${date}: ${machine}.`,
    text,
    [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n'),
  ].join('\n\n')
}
