/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/**
 * How an average was obtained: CREATE from the whole file, because no partition file existed;
 * REUSE from a valid partition file; RECREATE from the whole file, because the partition file
 * was lost, corrupt, or made from an earlier migration.
 */
export type AverageSource =
  /** From the whole file: there was no partition file, now there is. */
  | 'CREATE'
  /** From the whole file: the partition file was lost, corrupt or outdated, and has been replaced. */
  | 'RECREATE'
  /** From a valid partition file. */
  | 'REUSE';

/** What the NameNode thinks of a DataNode. */
export type DataNodeState =
  /** Silent for so long that its blocks count as lost. */
  | 'DEAD'
  /** Taken out of service. */
  | 'DECOMMISSIONED'
  /** In touch. */
  | 'LIVE'
  /** Silent for a while; read from and written to last. */
  | 'STALE';

/** What a job does. */
export type JobKind =
  /** Merges a weather partition's small files into larger ones. */
  | 'COMPACT_WEATHER'
  /** Uploads a day's citizens data and the source tables to the storage. */
  | 'INGEST_CITIZENS'
  /** Copies the loans to a Parquet file: migrateLoans. */
  | 'MIGRATE_LOANS'
  /** Sends the files of a folder through the log in blocks. */
  | 'SEND_FILES'
  /** Transforms one logical date and publishes it to the warehouse. */
  | 'WAREHOUSE_RUN'
  /** Moves weather rows from the source through the log into Parquet files. */
  | 'WEATHER';

/** How far a job has come. */
export type JobState =
  /** Was stopped by cancelJob or by the stop of the server, and has left nothing half-done. */
  | 'CANCELLED'
  /** Has ended with an error; message and hint say more. */
  | 'FAILED'
  /** The server died while it ran; the message says how to go on. */
  | 'INTERRUPTED'
  /** Waits to be started. */
  | 'QUEUED'
  /** At work. */
  | 'RUNNING'
  /** Has ended and done all of it. */
  | 'SUCCEEDED';

/** What a machine said last of itself. */
export type MachineState =
  /** At work. */
  | 'BUSY'
  /** There is nothing to do. */
  | 'IDLE'
  /** It waits, for example for space on its disk; trouble says for what. */
  | 'PAUSED'
  /** It begins. */
  | 'STARTING'
  /** It has ended as it was told to. */
  | 'STOPPED';

/** What copies the rows of a migration. */
export type MigrationEngine =
  /** SPARK where Spark is the engine, the source is MySQL and there are more rows than MILLRACE_SPARK_ABOVE_ROWS; else LOCAL. */
  | 'AUTO'
  /** This server, into one file. */
  | 'LOCAL'
  /** Spark, into a folder of files by county; no row passes through this server. */
  | 'SPARK';

/** The part that an outside system plays. */
export type SystemRole =
  /** SQL over files. */
  | 'ENGINE'
  /** Records in partitions: Kafka, or an embedded SQLite file. */
  | 'LOG'
  /** Rows to copy: MySQL, or an embedded DuckDB file. */
  | 'SOURCE'
  /** Files: HDFS, or a local directory. */
  | 'STORAGE'
  /** Results. */
  | 'WAREHOUSE';

/** How far a file has come. */
export type TransferState =
  /** Every block is acknowledged. */
  | 'COMPLETE'
  /** The file could not be sent, or every block that is not acknowledged was given up; sending it again goes on. */
  | 'FAILED'
  /** Blocks are still to be sent. */
  | 'SENDING'
  /** All blocks are in the log, and some are not acknowledged yet. */
  | 'WAITING';

/** How long a window of time is. */
export type WindowSize =
  /** One day. */
  | 'DAY'
  /** A calendar month. */
  | 'MONTH'
  /** Seven days from a Monday. */
  | 'WEEK'
  /** A calendar year. */
  | 'YEAR';

export type AverageLoanQueryVariables = Exact<{
  countyCode: number;
}>;


export type AverageLoanQuery = { averageLoan: { countyCode: number, averageLoan: number, loans: number, source: AverageSource, cost: { elapsedMillis: number, bytesRead: number, storageRequests: number } } | null };

export type BlockLocationsQueryVariables = Exact<{
  path: string;
}>;


export type BlockLocationsQuery = { blockLocations: { path: string, length: number, replication: number, blockSize: number, dataNodes: Array<{ dataNode: string, blocks: number }>, blocks: Array<{ index: number, offset: number, length: number, dataNodes: Array<string>, missing: boolean }> } | null };

export type CancelJobMutationVariables = Exact<{
  id: string;
}>;


export type CancelJobMutation = { cancelJob: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type CompactWeatherMutationVariables = Exact<{
  partition?: number | null | undefined;
}>;


export type CompactWeatherMutation = { compactWeather: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type CountiesQueryVariables = Exact<{ [key: string]: never; }>;


export type CountiesQuery = { counties: Array<{ code: number, name: string }> | null };

export type CountyAveragesQueryVariables = Exact<{ [key: string]: never; }>;


export type CountyAveragesQuery = { counties: Array<{ code: number, name: string, averageLoan: { averageLoan: number, loans: number, source: AverageSource, cost: { elapsedMillis: number, bytesRead: number, storageRequests: number } } | null }> | null };

export type DataNodesQueryVariables = Exact<{ [key: string]: never; }>;


export type DataNodesQuery = { dataNodes: Array<{ name: string, state: DataNodeState, lastContact: string | null, usedBytes: number | null, capacityBytes: number | null }> | null };

export type DropPartitionsMutationVariables = Exact<{
  countyCodes: Array<number> | number;
}>;


export type DropPartitionsMutation = { dropPartitions: Array<number> | null };

export type FileTransferQueryVariables = Exact<{
  file: string;
}>;


export type FileTransferQuery = { fileTransfer: { transferId: string, file: string, bytes: number, blocks: number, sent: number, acknowledged: number, failed: number, askedAgain: number, sentBytes: number, acknowledgedBytes: number, bytesPerSecond: number | null, etaSeconds: number | null, state: TransferState, message: string | null, sha256: string | null, machines: Array<string>, startedAt: string, updatedAt: string } | null };

export type FileTransferFieldsFragment = { transferId: string, file: string, bytes: number, blocks: number, sent: number, acknowledged: number, failed: number, askedAgain: number, sentBytes: number, acknowledgedBytes: number, bytesPerSecond: number | null, etaSeconds: number | null, state: TransferState, message: string | null, sha256: string | null, machines: Array<string>, startedAt: string, updatedAt: string };

export type FileTransfersQueryVariables = Exact<{
  first: number;
  state?: TransferState | null | undefined;
}>;


export type FileTransfersQuery = { fileTransfers: Array<{ transferId: string, file: string, bytes: number, blocks: number, sent: number, acknowledged: number, failed: number, askedAgain: number, sentBytes: number, acknowledgedBytes: number, bytesPerSecond: number | null, etaSeconds: number | null, state: TransferState, message: string | null, sha256: string | null, machines: Array<string>, startedAt: string, updatedAt: string }> | null };

export type IngestCitizensMutationVariables = Exact<{
  date: string;
  force?: boolean | null | undefined;
}>;


export type IngestCitizensMutation = { ingestCitizens: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type JobQueryVariables = Exact<{
  id: string;
}>;


export type JobQuery = { job: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type JobFieldsFragment = { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } };

export type JobProgressSubscriptionVariables = Exact<{
  id: string;
}>;


export type JobProgressSubscription = { jobProgress: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } };

export type JobsQueryVariables = Exact<{
  kind?: JobKind | null | undefined;
  state?: JobState | null | undefined;
  first?: number;
}>;


export type JobsQuery = { jobs: Array<{ id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } }> | null };

export type MachinesQueryVariables = Exact<{ [key: string]: never; }>;


export type MachinesQuery = { machines: Array<{ id: string, role: string, state: MachineState, lastSeen: string | null, alive: boolean, blocksProcessed: number, bytesProcessed: number, failures: number, bytesPerSecond: number | null, trouble: string | null }> | null };

export type MigrateLoansMutationVariables = Exact<{
  wait?: boolean;
  engine?: MigrationEngine;
}>;


export type MigrateLoansMutation = { migrateLoans: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type PlanWarehouseQueryVariables = Exact<{
  date: string;
}>;


export type PlanWarehouseQuery = { planWarehouse: { date: string, problems: Array<string>, steps: Array<{ name: string, state: JobState, rows: number | null, elapsedMillis: number | null, message: string | null }> } | null };

export type RunWarehouseMutationVariables = Exact<{
  date: string;
  force?: boolean | null | undefined;
}>;


export type RunWarehouseMutation = { runWarehouse: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type SendFilesMutationVariables = Exact<{
  folder: string;
  wait: boolean;
  acknowledged: boolean;
}>;


export type SendFilesMutation = { sendFiles: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type StartWeatherMutationVariables = Exact<{
  generate: boolean;
}>;


export type StartWeatherMutation = { startWeather: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type StopWeatherMutationVariables = Exact<{ [key: string]: never; }>;


export type StopWeatherMutation = { stopWeather: { id: string, kind: JobKind, state: JobState, createdAt: string, startedAt: string | null, finishedAt: string | null, message: string | null, hint: string | null, errorCode: string | null, progress: { done: number, total: number | null, unit: string, bytes: number, etaSeconds: number | null } } | null };

export type SystemsQueryVariables = Exact<{ [key: string]: never; }>;


export type SystemsQuery = { systems: Array<{ role: SystemRole, kind: string, url: string, reachable: boolean, detail: string | null }> };

export type TemperatureWindowsQueryVariables = Exact<{
  window: WindowSize;
  stationId?: string | null | undefined;
  from?: string | null | undefined;
  to?: string | null | undefined;
}>;


export type TemperatureWindowsQuery = { temperatureWindows: Array<{ start: string, end: string, stationId: string | null, count: number, min: number, max: number, mean: number }> | null };

export type TemperaturesQueryVariables = Exact<{
  stationId?: string | null | undefined;
  from?: string | null | undefined;
  to?: string | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type TemperaturesQuery = { temperatures: { endCursor: string | null, hasNextPage: boolean, nodes: Array<{ stationId: string, date: string, degrees: number }> } | null };

export type TransferProgressSubscriptionVariables = Exact<{
  file?: string | null | undefined;
}>;


export type TransferProgressSubscription = { transferProgress: { transferId: string, file: string, bytes: number, blocks: number, sent: number, acknowledged: number, failed: number, askedAgain: number, sentBytes: number, acknowledgedBytes: number, bytesPerSecond: number | null, etaSeconds: number | null, state: TransferState, message: string | null, sha256: string | null, machines: Array<string>, startedAt: string, updatedAt: string } };

export type VerifyWeatherQueryVariables = Exact<{ [key: string]: never; }>;


export type VerifyWeatherQuery = { verifyWeather: { ok: boolean, sourceRows: number, storedRows: number, missing: number, duplicated: number, firstProblem: string | null } | null };

export type WarehouseRowsQueryVariables = Exact<{
  table: string;
  date?: string | null | undefined;
  first?: number | null | undefined;
}>;


export type WarehouseRowsQuery = { warehouseRows: Array<Record<string, unknown>> | null };

export type WarehouseRunsQueryVariables = Exact<{
  first?: number | null | undefined;
}>;


export type WarehouseRunsQuery = { warehouseRuns: Array<{ date: string, state: JobState, attempts: number, startedAt: string | null, finishedAt: string | null, steps: Array<{ name: string, state: JobState, rows: number | null, elapsedMillis: number | null, message: string | null }> }> | null };

export type WarehouseStepFieldsFragment = { name: string, state: JobState, rows: number | null, elapsedMillis: number | null, message: string | null };

export type WarehouseTablesQueryVariables = Exact<{ [key: string]: never; }>;


export type WarehouseTablesQuery = { warehouseTables: Array<{ name: string, description: string, rows: number, latestDate: string | null }> | null };

export type WeatherBatchFilesQueryVariables = Exact<{
  partition?: number | null | undefined;
}>;


export type WeatherBatchFilesQuery = { weatherBatchFiles: Array<{ partition: number, batch: number, lastBatch: number, path: string, rows: number, length: number, firstOffset: number, lastOffset: number, writtenAt: string }> | null };

export type WeatherPartitionsQueryVariables = Exact<{ [key: string]: never; }>;


export type WeatherPartitionsQuery = { weatherPartitions: Array<{ partition: number, nextOffset: number, endOffset: number, lag: number, nextBatch: number, rows: number, doubles: number, deadLetters: number, warning: string | null }> | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const FileTransferFieldsFragmentDoc = new TypedDocumentString(`
    fragment FileTransferFields on FileTransfer {
  transferId
  file
  bytes
  blocks
  sent
  acknowledged
  failed
  askedAgain
  sentBytes
  acknowledgedBytes
  bytesPerSecond
  etaSeconds
  state
  message
  sha256
  machines
  startedAt
  updatedAt
}
    `, {"fragmentName":"FileTransferFields"}) as unknown as TypedDocumentString<FileTransferFieldsFragment, unknown>;
export const JobFieldsFragmentDoc = new TypedDocumentString(`
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}
    `, {"fragmentName":"JobFields"}) as unknown as TypedDocumentString<JobFieldsFragment, unknown>;
export const WarehouseStepFieldsFragmentDoc = new TypedDocumentString(`
    fragment WarehouseStepFields on WarehouseStep {
  name
  state
  rows
  elapsedMillis
  message
}
    `, {"fragmentName":"WarehouseStepFields"}) as unknown as TypedDocumentString<WarehouseStepFieldsFragment, unknown>;
export const AverageLoanDocument = new TypedDocumentString(`
    query AverageLoan($countyCode: CountyCode!) {
  averageLoan(countyCode: $countyCode) {
    countyCode
    averageLoan
    loans
    source
    cost {
      elapsedMillis
      bytesRead
      storageRequests
    }
  }
}
    `) as unknown as TypedDocumentString<AverageLoanQuery, AverageLoanQueryVariables>;
export const BlockLocationsDocument = new TypedDocumentString(`
    query BlockLocations($path: StoragePath!) {
  blockLocations(path: $path) {
    path
    length
    replication
    blockSize
    dataNodes {
      dataNode
      blocks
    }
    blocks {
      index
      offset
      length
      dataNodes
      missing
    }
  }
}
    `) as unknown as TypedDocumentString<BlockLocationsQuery, BlockLocationsQueryVariables>;
export const CancelJobDocument = new TypedDocumentString(`
    mutation CancelJob($id: ID!) {
  cancelJob(id: $id) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<CancelJobMutation, CancelJobMutationVariables>;
export const CompactWeatherDocument = new TypedDocumentString(`
    mutation CompactWeather($partition: Int) {
  compactWeather(partition: $partition) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<CompactWeatherMutation, CompactWeatherMutationVariables>;
export const CountiesDocument = new TypedDocumentString(`
    query Counties {
  counties {
    code
    name
  }
}
    `) as unknown as TypedDocumentString<CountiesQuery, CountiesQueryVariables>;
export const CountyAveragesDocument = new TypedDocumentString(`
    query CountyAverages {
  counties {
    code
    name
    averageLoan {
      averageLoan
      loans
      source
      cost {
        elapsedMillis
        bytesRead
        storageRequests
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CountyAveragesQuery, CountyAveragesQueryVariables>;
export const DataNodesDocument = new TypedDocumentString(`
    query DataNodes {
  dataNodes {
    name
    state
    lastContact
    usedBytes
    capacityBytes
  }
}
    `) as unknown as TypedDocumentString<DataNodesQuery, DataNodesQueryVariables>;
export const DropPartitionsDocument = new TypedDocumentString(`
    mutation DropPartitions($countyCodes: [CountyCode!]!) {
  dropPartitions(countyCodes: $countyCodes)
}
    `) as unknown as TypedDocumentString<DropPartitionsMutation, DropPartitionsMutationVariables>;
export const FileTransferDocument = new TypedDocumentString(`
    query FileTransfer($file: String!) {
  fileTransfer(file: $file) {
    ...FileTransferFields
  }
}
    fragment FileTransferFields on FileTransfer {
  transferId
  file
  bytes
  blocks
  sent
  acknowledged
  failed
  askedAgain
  sentBytes
  acknowledgedBytes
  bytesPerSecond
  etaSeconds
  state
  message
  sha256
  machines
  startedAt
  updatedAt
}`) as unknown as TypedDocumentString<FileTransferQuery, FileTransferQueryVariables>;
export const FileTransfersDocument = new TypedDocumentString(`
    query FileTransfers($first: Int!, $state: TransferState) {
  fileTransfers(first: $first, state: $state) {
    ...FileTransferFields
  }
}
    fragment FileTransferFields on FileTransfer {
  transferId
  file
  bytes
  blocks
  sent
  acknowledged
  failed
  askedAgain
  sentBytes
  acknowledgedBytes
  bytesPerSecond
  etaSeconds
  state
  message
  sha256
  machines
  startedAt
  updatedAt
}`) as unknown as TypedDocumentString<FileTransfersQuery, FileTransfersQueryVariables>;
export const IngestCitizensDocument = new TypedDocumentString(`
    mutation IngestCitizens($date: LocalDate!, $force: Boolean) {
  ingestCitizens(date: $date, force: $force, wait: false) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<IngestCitizensMutation, IngestCitizensMutationVariables>;
export const JobDocument = new TypedDocumentString(`
    query Job($id: ID!) {
  job(id: $id) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<JobQuery, JobQueryVariables>;
export const JobProgressDocument = new TypedDocumentString(`
    subscription JobProgress($id: ID!) {
  jobProgress(id: $id) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<JobProgressSubscription, JobProgressSubscriptionVariables>;
export const JobsDocument = new TypedDocumentString(`
    query Jobs($kind: JobKind, $state: JobState, $first: Int! = 20) {
  jobs(kind: $kind, state: $state, first: $first) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<JobsQuery, JobsQueryVariables>;
export const MachinesDocument = new TypedDocumentString(`
    query Machines {
  machines {
    id
    role
    state
    lastSeen
    alive
    blocksProcessed
    bytesProcessed
    failures
    bytesPerSecond
    trouble
  }
}
    `) as unknown as TypedDocumentString<MachinesQuery, MachinesQueryVariables>;
export const MigrateLoansDocument = new TypedDocumentString(`
    mutation MigrateLoans($wait: Boolean! = true, $engine: MigrationEngine! = AUTO) {
  migrateLoans(wait: $wait, engine: $engine) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<MigrateLoansMutation, MigrateLoansMutationVariables>;
export const PlanWarehouseDocument = new TypedDocumentString(`
    query PlanWarehouse($date: LocalDate!) {
  planWarehouse(date: $date) {
    date
    problems
    steps {
      ...WarehouseStepFields
    }
  }
}
    fragment WarehouseStepFields on WarehouseStep {
  name
  state
  rows
  elapsedMillis
  message
}`) as unknown as TypedDocumentString<PlanWarehouseQuery, PlanWarehouseQueryVariables>;
export const RunWarehouseDocument = new TypedDocumentString(`
    mutation RunWarehouse($date: LocalDate!, $force: Boolean) {
  runWarehouse(date: $date, force: $force, wait: false) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<RunWarehouseMutation, RunWarehouseMutationVariables>;
export const SendFilesDocument = new TypedDocumentString(`
    mutation SendFiles($folder: String!, $wait: Boolean!, $acknowledged: Boolean!) {
  sendFiles(folder: $folder, wait: $wait, acknowledged: $acknowledged) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<SendFilesMutation, SendFilesMutationVariables>;
export const StartWeatherDocument = new TypedDocumentString(`
    mutation StartWeather($generate: Boolean!) {
  startWeather(generate: $generate) {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<StartWeatherMutation, StartWeatherMutationVariables>;
export const StopWeatherDocument = new TypedDocumentString(`
    mutation StopWeather {
  stopWeather {
    ...JobFields
  }
}
    fragment JobFields on Job {
  id
  kind
  state
  progress {
    done
    total
    unit
    bytes
    etaSeconds
  }
  createdAt
  startedAt
  finishedAt
  message
  hint
  errorCode
}`) as unknown as TypedDocumentString<StopWeatherMutation, StopWeatherMutationVariables>;
export const SystemsDocument = new TypedDocumentString(`
    query Systems {
  systems {
    role
    kind
    url
    reachable
    detail
  }
}
    `) as unknown as TypedDocumentString<SystemsQuery, SystemsQueryVariables>;
export const TemperatureWindowsDocument = new TypedDocumentString(`
    query TemperatureWindows($window: WindowSize!, $stationId: String, $from: LocalDate, $to: LocalDate) {
  temperatureWindows(window: $window, stationId: $stationId, from: $from, to: $to) {
    start
    end
    stationId
    count
    min
    max
    mean
  }
}
    `) as unknown as TypedDocumentString<TemperatureWindowsQuery, TemperatureWindowsQueryVariables>;
export const TemperaturesDocument = new TypedDocumentString(`
    query Temperatures($stationId: String, $from: LocalDate, $to: LocalDate, $first: Int, $after: String) {
  temperatures(
    stationId: $stationId
    from: $from
    to: $to
    first: $first
    after: $after
  ) {
    nodes {
      stationId
      date
      degrees
    }
    endCursor
    hasNextPage
  }
}
    `) as unknown as TypedDocumentString<TemperaturesQuery, TemperaturesQueryVariables>;
export const TransferProgressDocument = new TypedDocumentString(`
    subscription TransferProgress($file: String) {
  transferProgress(file: $file) {
    ...FileTransferFields
  }
}
    fragment FileTransferFields on FileTransfer {
  transferId
  file
  bytes
  blocks
  sent
  acknowledged
  failed
  askedAgain
  sentBytes
  acknowledgedBytes
  bytesPerSecond
  etaSeconds
  state
  message
  sha256
  machines
  startedAt
  updatedAt
}`) as unknown as TypedDocumentString<TransferProgressSubscription, TransferProgressSubscriptionVariables>;
export const VerifyWeatherDocument = new TypedDocumentString(`
    query VerifyWeather {
  verifyWeather {
    ok
    sourceRows
    storedRows
    missing
    duplicated
    firstProblem
  }
}
    `) as unknown as TypedDocumentString<VerifyWeatherQuery, VerifyWeatherQueryVariables>;
export const WarehouseRowsDocument = new TypedDocumentString(`
    query WarehouseRows($table: String!, $date: LocalDate, $first: Int) {
  warehouseRows(table: $table, date: $date, first: $first)
}
    `) as unknown as TypedDocumentString<WarehouseRowsQuery, WarehouseRowsQueryVariables>;
export const WarehouseRunsDocument = new TypedDocumentString(`
    query WarehouseRuns($first: Int) {
  warehouseRuns(first: $first) {
    date
    state
    attempts
    startedAt
    finishedAt
    steps {
      ...WarehouseStepFields
    }
  }
}
    fragment WarehouseStepFields on WarehouseStep {
  name
  state
  rows
  elapsedMillis
  message
}`) as unknown as TypedDocumentString<WarehouseRunsQuery, WarehouseRunsQueryVariables>;
export const WarehouseTablesDocument = new TypedDocumentString(`
    query WarehouseTables {
  warehouseTables {
    name
    description
    rows
    latestDate
  }
}
    `) as unknown as TypedDocumentString<WarehouseTablesQuery, WarehouseTablesQueryVariables>;
export const WeatherBatchFilesDocument = new TypedDocumentString(`
    query WeatherBatchFiles($partition: Int) {
  weatherBatchFiles(partition: $partition) {
    partition
    batch
    lastBatch
    path
    rows
    length
    firstOffset
    lastOffset
    writtenAt
  }
}
    `) as unknown as TypedDocumentString<WeatherBatchFilesQuery, WeatherBatchFilesQueryVariables>;
export const WeatherPartitionsDocument = new TypedDocumentString(`
    query WeatherPartitions {
  weatherPartitions {
    partition
    nextOffset
    endOffset
    lag
    nextBatch
    rows
    doubles
    deadLetters
    warning
  }
}
    `) as unknown as TypedDocumentString<WeatherPartitionsQuery, WeatherPartitionsQueryVariables>;