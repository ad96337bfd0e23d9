import { join } from 'node:path'
import { runCommand } from '../harness/command.ts'
import { installPythonPackages } from '../harness/installPython.ts'

const FOLDER = join(import.meta.dirname, 'peers')

/** What a peer's script prints: seconds per step, the averages that it found, and its peak resident memory. */
export interface PeerRun {
  steps: Record<string, number[]>
  averages: number[]
  peakResidentMb: number
}

/** Runs a script of peers/ on a Python that has the packages of a requirements file there. */
export async function runPeer(
  script: string,
  args: readonly string[],
  { requirements = join(FOLDER, 'requirements.txt'), say }: { requirements?: string; say: (line: string) => void },
): Promise<PeerRun> {
  const python = await installPythonPackages(requirements, say)
  say(`  ${script}`)
  const printed = await runCommand(python, [join(FOLDER, script), ...args])
  return JSON.parse(printed.trim().split('\n').at(-1)!) as PeerRun
}
