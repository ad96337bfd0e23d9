import type { Client } from '../client/client.ts'
import { MillraceError } from '../errors.ts'
import type { Context } from './command.ts'

/** For what outlives the command: a server that was started for it would end with it. UNAVAILABLE where none runs. */
export async function runningServer({ running }: Pick<Context, 'running'>): Promise<Client> {
  const client = await running()
  if (client) return client
  throw new MillraceError('UNAVAILABLE', 'Expected a server that goes on with the work, but none runs here.', {
    hint: 'Start one with "millrace serve", or name one with --url.',
  })
}
