import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Files and folders that `npm run codegen` makes from the resolvers and the operations. */
const GENERATED = ['schema/schema.graphql', 'src/client/generated']
const ROOT = join(import.meta.dirname, '..')

/**
 * What `npm run drift` runs: fails where a checked-in generated file is not what codegen makes now. Everything is put back
 * as it was, so that the check keeps failing until someone generates the files and looks at them.
 */
const before = readGenerated()
const { status } = spawnSync('npm', ['run', '-s', 'codegen'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
const after = readGenerated()
restore(before, after)

const drifted = [...new Set([...before.keys(), ...after.keys()])].filter(file => before.get(file) !== after.get(file))
if (status !== 0) {
  process.stderr.write(`error: npm run codegen: expected exit code 0, got ${status}\n`)
  process.exitCode = 1
} else if (drifted.length > 0) {
  const names = drifted.map(file => relative(ROOT, file)).join(', ')
  process.stderr.write(`error: not what the code says: ${names}. Run npm run codegen and commit what it makes.\n`)
  process.exitCode = 1
}

/** Path -> content. */
function readGenerated(): Map<string, string> {
  const files = GENERATED.flatMap(path => filesOf(join(ROOT, path)))
  return new Map(files.map(file => [file, readFileSync(file, 'utf8')]))
}

function filesOf(path: string): string[] {
  try {
    const entries = readdirSync(path, { recursive: true, withFileTypes: true })
    return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') return [path]
    if (code === 'ENOENT') return []
    throw error
  }
}

function restore(before: Map<string, string>, after: Map<string, string>): void {
  for (const file of after.keys()) if (!before.has(file)) rmSync(file)
  for (const [file, content] of before) if (after.get(file) !== content) writeFileSync(file, content)
}
