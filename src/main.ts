import { createApp } from './app.ts'
import { readConfig, unknownVariables, withDotEnv } from './config.ts'
import { MillraceError } from './errors.ts'

/** Starts the server, and stops it on SIGINT or SIGTERM; the second of them stops it at once. */
try {
  await serve()
} catch (error) {
  fail(error)
}

async function serve(): Promise<void> {
  const environment = withDotEnv(process.env, process.cwd())
  for (const warning of unknownVariables(environment)) console.error(`warning: ${warning}`)
  const config = readConfig(environment)
  const app = await createApp(config)
  stopOnSignals(() => app.close())
  try {
    const { url, grpcAddress } = await app.listen()
    console.log(`Millrace is at ${url}/graphql${config.graphiql ? ' (GraphiQL in a browser)' : ''}`)
    if (grpcAddress !== null) console.log(`gRPC is at ${grpcAddress}`)
    for (const system of await app.domains.systems.statuses()) {
      const state = system.reachable ? '' : ` - not ready: ${system.detail}`
      console.log(`  ${system.role.toLowerCase().padEnd(8)} ${system.url}${state}`)
    }
  } catch (error) {
    await app.close()
    throw error
  }
}

function stopOnSignals(stop: () => Promise<void>): void {
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      console.log('Stopping. Once more stops at once.')
      stop().then(() => process.exit(0), fail)
    })
  }
}

function fail(error: unknown): never {
  if (error instanceof MillraceError && error.code !== 'INTERNAL') {
    console.error(`error: ${error.message}`)
    if (error.hint) console.error(error.hint)
  } else {
    console.error(error)
  }
  process.exit(1)
}
