import { type RunningProcess, startProcess } from './runningProcess.ts'

/** A program on a terminal of its own, as a person sees it. */
export interface TerminalProcess extends RunningProcess {
  /** What it has drawn last, with colours; of a program that draws over what it drew before. */
  picture(): string
}

const DRAWN_OVER = '\u001b[G'

/** Starts a command of the shell on a pseudo-terminal of this size (script of util-linux). */
export function startOnTerminal(
  command: string,
  { columns, rows }: { columns: number; rows: number },
  environment: Record<string, string | undefined>,
): TerminalProcess {
  const sized = `stty columns ${columns} rows ${rows}; exec ${command}`
  const running = startProcess(
    'script',
    ['--quiet', '--flush', '--return', '--command', sized, '/dev/null'],
    environment,
  )
  return { ...running, picture: () => running.stdout().split(DRAWN_OVER).at(-1)!.replaceAll('\r', '') }
}
