import { SystemsDocument } from '../client/generated/graphql.ts'
import { defineCommand } from './command.ts'
import { formatTable } from './table.ts'

export const systems = defineCommand({
  name: 'systems',
  summary: 'the systems that Millrace is bound to, and whether each answers now',
  inputs: {},
  async run({ request }) {
    const { systems } = await request(SystemsDocument, {})
    return systems
  },
  show: list =>
    formatTable(
      ['ROLE', 'KIND', 'ANSWERS', 'URL', 'DETAIL'],
      list.map(({ role, kind, url, reachable, detail }) => [role, kind, reachable ? 'yes' : 'no', url, detail ?? '']),
    ),
})
