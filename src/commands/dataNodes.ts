import { DataNodesDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand } from './command.ts'
import { formatTable } from './table.ts'
import { formatBytes } from './words.ts'

export const dataNodes = defineCommand({
  name: 'data-nodes',
  summary: 'the DataNodes that hold the files, with their state',
  inputs: {},
  async run({ request }) {
    const { dataNodes } = await request(DataNodesDocument, {})
    return present(dataNodes)
  },
  show: list =>
    formatTable(
      ['NAME', 'STATE', 'USED', 'CAPACITY', 'LAST CONTACT'],
      list.map(({ name, state, usedBytes, capacityBytes, lastContact }) => [
        name,
        state,
        usedBytes === null ? '' : formatBytes(usedBytes),
        capacityBytes === null ? '' : formatBytes(capacityBytes),
        lastContact ?? '',
      ]),
    ),
})
