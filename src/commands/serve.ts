import { once } from 'node:events'
import { defineCommand } from './command.ts'

export const serve = defineCommand({
  name: 'serve',
  summary: 'run the server until Ctrl-C',
  inputs: {},
  async run({ config, json, terminal: { stdout, signal } }) {
    const { createApp } = await import('../app.ts')
    const app = await createApp(config())
    try {
      const { url, grpcAddress } = await app.listen()
      const addresses = { url, graphql: `${url}/graphql`, ...(grpcAddress !== null && { grpc: grpcAddress }) }
      if (json) stdout.write(`${JSON.stringify(addresses)}\n`)
      else {
        stdout.write(`Millrace is at ${addresses.graphql}\n`)
        if (grpcAddress !== null) stdout.write(`gRPC is at ${grpcAddress}\n`)
      }
      if (!signal.aborted) await once(signal, 'abort')
    } finally {
      await app.close()
    }
  },
  show: () => 'Millrace has stopped.',
})
