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
      const { url } = await app.listen()
      const addresses = { url, graphql: `${url}/graphql` }
      stdout.write(json ? `${JSON.stringify(addresses)}\n` : `Millrace is at ${addresses.graphql}\n`)
      if (!signal.aborted) await once(signal, 'abort')
    } finally {
      await app.close()
    }
  },
  show: () => 'Millrace has stopped.',
})
