import type { Cluster } from '../harness/cluster.ts'

/** One table of RESULTS.md: what is compared, and how it is measured. A further one joins with a line in main.ts. */
export interface Section {
  /** For --only, and the name of its file under results/. */
  name: string
  title: string
  /** Of each figure in the table, unless the text of the result says otherwise. */
  repeats: number
  measure(bench: Bench): Promise<Measured>
}

/** What a section may use. */
export interface Bench {
  repeats: number
  /** The cluster of the harness with the sample in its database; started for the first section that wants it. */
  cluster: () => Promise<Cluster>
  /** Removed at the end. */
  folder: string
  /** Tells in a line what goes on. */
  say: (line: string) => void
}

export interface Measured {
  /** What was measured against what, in Markdown. */
  text: string
  heads: string[]
  rows: string[][]
}
