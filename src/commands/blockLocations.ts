import { BlockLocationsDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand, required, text } from './command.ts'

export const blockLocations = defineCommand({
  name: 'BlockLocations',
  summary: "how many of a file's block replicas each DataNode holds",
  inputs: { file: required('-f, --file <path>', 'path in the storage, for example /hdma-wi-2021.parquet', text) },
  async run({ request }, { file }) {
    const { blockLocations } = await request(BlockLocationsDocument, { path: file })
    return present(blockLocations)
  },
  show: ({ dataNodes }) => {
    const entries = dataNodes.map(({ dataNode, blocks }) => `'${dataNode}': ${blocks}`)
    // The original client was Python and printed a dict: scripts read that.
    return `{${entries.join(', ')}}`
  },
})
