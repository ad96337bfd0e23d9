#!/usr/bin/env node
// Nothing else is imported statically: an older Node would fail at the imports, with a message that helps nobody.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(`error: Millrace needs Node 24 or newer, but this is Node ${process.versions.node}.`)
  console.error('hint: "npm run millrace -- <command>" in its folder runs it on the Node 24 that npm ci has installed.')
  process.exit(1)
}

const { runCommandLine } = await import('./commands/commandLine.ts')
const { processTerminal } = await import('./commands/terminal.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal())

export {}
