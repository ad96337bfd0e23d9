import { Arg, Ctx, Field, FieldResolver, Int, ObjectType, Query, Resolver, Root } from 'type-graphql'
import type { DataNodeStatus, FileBlocks } from '../datasources/storage.ts'
import { replicasPerDataNode } from '../systems/replicas.ts'
import type * as domain from '../systems/systems.ts'
import type { Context } from './context.ts'
import { listCost, systemCost } from './cost.ts'
import { createEnum } from './enums.ts'
import { DateTime, SafeInt, StoragePath } from './scalars.ts'

/** The loans file has about this many blocks of 1 MiB. */
const EXPECTED_BLOCKS = 16
const EXPECTED_DATA_NODES = 3

const SystemRole = createEnum<domain.SystemRole>('SystemRole', 'The part that an outside system plays.', {
  SOURCE: 'Rows to copy: MySQL, or an embedded DuckDB file.',
  STORAGE: 'Files: HDFS, or a local directory.',
  LOG: 'Records in partitions: Kafka, or an embedded SQLite file.',
  ENGINE: 'SQL over files.',
  WAREHOUSE: 'Results.',
})

const DataNodeState = createEnum<DataNodeStatus['state']>('DataNodeState', 'What the NameNode thinks of a DataNode.', {
  LIVE: 'In touch.',
  STALE: 'Silent for a while; read from and written to last.',
  DEAD: 'Silent for so long that its blocks count as lost.',
  DECOMMISSIONED: 'Taken out of service.',
})

@ObjectType({ description: 'A system that Millrace is bound to.' })
class SystemStatus implements domain.SystemStatus {
  @Field(() => SystemRole, { description: 'What Millrace uses it for.' })
  role!: domain.SystemRole

  @Field(() => String, { description: 'Which kind of system it is, for example "webhdfs".' })
  kind!: string

  @Field(() => String, { description: 'Without credentials.' })
  url!: string

  @Field(() => Boolean, { description: 'Whether it answered within two seconds, now.' })
  reachable!: boolean

  @Field(() => String, { nullable: true, description: 'Its version or state; where it is not reachable, why.' })
  detail!: string | null
}

@ObjectType({ description: 'A machine that holds blocks of files.' })
class DataNode implements DataNodeStatus {
  @Field(() => String, { description: "Its host name, as in a block's dataNodes." })
  name!: string

  @Field(() => DataNodeState, { description: 'What the NameNode thinks of it.' })
  state!: DataNodeStatus['state']

  @Field(() => DateTime, { nullable: true, description: 'When the NameNode last heard from it.' })
  lastContact?: Date

  @Field(() => SafeInt, { nullable: true, description: 'Bytes that its blocks take.' })
  usedBytes?: number

  @Field(() => SafeInt, { nullable: true, description: 'Bytes that it has room for in all.' })
  capacityBytes?: number
}

@ObjectType({ description: 'How many replicas of a file one DataNode holds.' })
class DataNodeBlocks {
  @Field(() => String, { description: 'Host name of the DataNode.' })
  dataNode!: string

  @Field(() => Int, { description: "How many of the file's blocks it has a replica of." })
  blocks!: number
}

@ObjectType({ description: 'One block of a file.' })
class Block {
  @Field(() => Int, { description: 'Counts from 0 in the order of the file.' })
  index!: number

  @Field(() => SafeInt, { description: 'Where it begins in the file, in bytes.' })
  offset!: number

  @Field(() => SafeInt, { description: 'Bytes.' })
  length!: number

  @Field(() => [String], { description: 'Host names of the DataNodes that hold a live replica.' })
  dataNodes!: string[]

  @Field(() => Boolean, { description: 'True where no live replica is known.' })
  missing!: boolean
}

@ObjectType({ description: "Where a file's blocks lie." })
class BlockLocations {
  @Field(() => StoragePath, { description: 'The file.' })
  path!: string

  @Field(() => SafeInt, { description: 'Bytes.' })
  length!: number

  @Field(() => Int, { description: 'How many replicas of each block there should be.' })
  replication!: number

  @Field(() => SafeInt, { description: 'Bytes.' })
  blockSize!: number

  /** As the storage gives them; the fields below are made from them. */
  replicas!: FileBlocks['blocks']
}

@Resolver()
export class SystemQueries {
  @Query(() => BlockLocations, {
    nullable: true,
    complexity: systemCost,
    description: `Where the blocks of a file lie, or of the files in a folder, one after the other. Error NOT_FOUND for a path with no file,
BAD_USER_INPUT for a folder without any.`,
  })
  async blockLocations(
    @Arg('path', () => StoragePath, { description: 'The file or folder, for example /hdma-wi-2021.parquet.' })
    path: string,
    @Ctx() { systems }: Context,
  ): Promise<BlockLocations> {
    const { length, replication, blockBytes, blocks } = await systems.blockLocations(path)
    return { path, length, replication, blockSize: blockBytes, replicas: blocks }
  }

  @Query(() => [SystemStatus], {
    complexity: systemCost,
    description: 'Which systems the five roles are bound to, and whether each answers now.',
  })
  systems(@Ctx() { systems }: Context): Promise<SystemStatus[]> {
    return systems.statuses()
  }

  @Query(() => [DataNode], {
    nullable: true,
    complexity: listCost(EXPECTED_DATA_NODES),
    description:
      'DataNodes the NameNode knows, with their state; one entry for the local directory in the embedded profile.',
  })
  dataNodes(@Ctx() { systems }: Context): Promise<DataNode[]> {
    return systems.dataNodes()
  }
}

@Resolver(() => BlockLocations)
export class BlockLocationsFields {
  @FieldResolver(() => [DataNodeBlocks], {
    complexity: listCost(EXPECTED_DATA_NODES),
    description: 'Replicas per DataNode: what a map of DataNode to block count would hold. Sorted by dataNode.',
  })
  dataNodes(@Root() { replicas }: BlockLocations): DataNodeBlocks[] {
    return replicasPerDataNode(replicas)
  }

  @FieldResolver(() => [Block], {
    complexity: listCost(EXPECTED_BLOCKS),
    description: 'Each block, in the order of the file.',
  })
  blocks(@Root() { replicas }: BlockLocations): Block[] {
    return replicas.map((block, index) => ({ index, ...block, missing: block.dataNodes.length === 0 }))
  }
}
