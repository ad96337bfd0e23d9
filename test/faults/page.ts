import type { Outcome } from './report.ts'

/**
 * docs/faults.md of the outcomes of a full run.
 * @param allCases How many there should be.
 */
export function faultsPage(outcomes: readonly Outcome[], allCases: number): string {
  const links = outcomes.filter(({ table }) => table === 'links')
  const steps = outcomes.filter(({ table }) => table === 'steps')
  return `# Faults

What was done to Millrace and its systems, and how each case ended. This page is written by \`npm run test:faults\`, which runs every case against a real
MySQL-compatible server and a real HDFS of one NameNode and three DataNodes, on one machine; \`npm test\` runs a few of them,
with each fault on each link. Times are seconds from the question to its end, on a machine that may have had more to do.

A case passes where it ends with the right answer, or with UNAVAILABLE and a hint, within its deadline and one second; where the same question is then
answered right, with nothing disturbed any more; and where the server leaves no socket, no file in its working folder and, once the next one has started,
nothing half-written in the storage. With a fault of one DataNode, and with one that only delays, nothing but the right answer passes.

| question | deadline |
|---|---|
| an average, also all 72 in one question | 30 s |
| block locations | 10 s |
| a migration | the waits for source and storage (MILLRACE_SOURCE_WAIT_SECONDS, MILLRACE_STORAGE_WAIT_SECONDS: 3 and 5 s here, 3 and 25 s at steps), and 30 s to write |

MySQL's 30 s of silence are 4 s here, so that a case does not take so long.

${outcomes.length === allCases ? `${allCases} cases` : `${outcomes.length} of ${allCases} cases (the others were not run)`}, ${outcomes.filter(({ result }) => result === 'right').length} of them with the right answer. The longest took ${longestOf(outcomes)}.

## A proxy between Millrace and a system
Latency is 100 ms, bandwidth 1 MiB/s, a packet 61 bytes, a close 1.5 s late; "in the middle" is within a row, an answer's head or a block. The DataNode is another
one in each case; its "all ports" include the one at which DataNodes send each other blocks, and find their own.

${tableOf(links)}

The longest: ${longestOf(links)}.

## A process dies, hangs, or is started again
Just as the server comes to the step named.

${tableOf(steps)}

The longest: ${longestOf(steps)}.
`
}

function tableOf(outcomes: readonly Outcome[]): string {
  const columns = [...new Set(outcomes.map(({ column }) => column))]
  const rows = Map.groupBy(outcomes, ({ row }) => row)
  const cells = (ofRow: readonly Outcome[]) =>
    columns.map(
      column =>
        ofRow
          .filter(outcome => outcome.column === column)
          .map(wordsOf)
          .join('; ') || '-',
    )
  return [
    ['', ...columns],
    ['---', ...columns.map(() => '---')],
    ...[...rows].map(([row, ofRow]) => [row, ...cells(ofRow)]),
  ]
    .map(line => `| ${line.join(' | ')} |`)
    .join('\n')
}

function wordsOf({ result, seconds }: Outcome): string {
  return `${result} ${seconds.toFixed(1)}`
}

function longestOf(outcomes: readonly Outcome[]): string {
  const longest = outcomes.toSorted((left, right) => right.seconds - left.seconds)[0]
  return longest ? `${longest.seconds.toFixed(1)} s (${longest.row}, ${longest.column}: ${longest.result})` : 'none'
}
