import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findCommand, runCommand } from '../harness/command.ts'
import type { Bench } from './section.ts'

/** The jar of an artifact of Maven Central, "group:artifact:version". */
export async function fetchJdbcDriver(driver: string, { folder, say }: Bench): Promise<string> {
  const jars = join(folder, 'jars')
  await mkdir(jars, { recursive: true })
  say(`  fetching ${driver}`)
  const maven = findCommand('mvn')
  if (!maven) throw new Error('expected Maven, which "npm run cluster -- up" installs')
  await runCommand(maven, ['-q', '-B', 'dependency:copy', `-Dartifact=${driver}`, `-DoutputDirectory=${jars}`])
  const [, artifact, version] = driver.split(':')
  return join(jars, `${artifact}-${version}.jar`)
}
