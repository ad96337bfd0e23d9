import { type Check, createChecks } from './checks.ts'
import { findEngine } from './engine.ts'
import { createStack, type Stack } from './stack.ts'

/**
 * What `npm run test:containers` runs: builds the images, starts docker-compose.yml, works with it from inside the server's container,
 * kills a DataNode, and takes all down again, also after a failure and Ctrl-C. The last line it prints is "N passed, N failed".
 */
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)))
}

let passed = 0
let failed = 0
try {
  const engine = await findEngine(interrupted.signal, say)
  say(`${engine.description}, with MariaDB in place of MySQL`)
  const stack = createStack(engine, interrupted.signal)
  await stack.down() // what a killed run may have left
  try {
    await runInTurn(createChecks(), stack)
  } finally {
    await count({ name: 'All is taken down, and nothing is left', run: takeDown }, stack)
  }
} catch (error) {
  failed = Math.max(failed, 1)
  say(`error: ${error instanceof Error ? error.message : String(error)}`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

/** Each needs the one before: the first failure ends them. */
async function runInTurn(checks: Check[], stack: Stack): Promise<void> {
  for (const [index, check] of checks.entries()) {
    if (await count(check, stack)) continue
    say(`not run: ${checks.length - index - 1} further checks`)
    return
  }
}

async function count({ name, run }: Check, stack: Stack): Promise<boolean> {
  const startedAt = performance.now()
  try {
    const seen = await run(stack)
    say(`ok   ${name} (${seconds(startedAt)}): ${seen}`)
    passed += 1
    return true
  } catch (error) {
    say(`FAIL ${name} (${seconds(startedAt)}): ${error instanceof Error ? error.message : String(error)}`)
    failed += 1
    return false
  }
}

async function takeDown(stack: Stack): Promise<string> {
  await stack.down()
  const left = await stack.leftovers()
  if (left.length > 0) throw new Error(`expected no container, volume or network, got ${left.join(', ')}`)
  return 'no container, volume or network; the images stay for the next build'
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
}

function say(line: string): void {
  console.log(line)
}
