import type { BlockReplicas } from '../datasources/storage.ts'

/** How many replicas of a file's blocks each DataNode holds, ascending by name. */
export function replicasPerDataNode(blocks: readonly BlockReplicas[]): { dataNode: string; blocks: number }[] {
  const counts = new Map<string, number>()
  for (const dataNode of blocks.flatMap(block => block.dataNodes)) {
    counts.set(dataNode, (counts.get(dataNode) ?? 0) + 1)
  }
  return [...counts]
    .map(([dataNode, count]) => ({ dataNode, blocks: count }))
    .sort((a, b) => (a.dataNode < b.dataNode ? -1 : 1))
}
