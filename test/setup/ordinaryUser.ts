import { type RunningProcess, startProcess } from './runningProcess.ts'

/** What makes the superuser read and write everything. */
const PASSES = '--bounding-set=-dac_override,-dac_read_search'

/** As startProcess, but the program is refused what the rights of a file or folder refuse, also where these tests run as root. */
export function startAsOrdinaryUser(
  command: string,
  parameters: readonly string[],
  environment: Record<string, string | undefined>,
): RunningProcess {
  if (process.geteuid!() !== 0) return startProcess(command, parameters, environment)
  return startProcess('setpriv', [PASSES, '--', command, ...parameters], environment)
}
