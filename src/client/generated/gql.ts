/* eslint-disable */
import * as types from './graphql.ts';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "query AverageLoan($countyCode: CountyCode!) {\n  averageLoan(countyCode: $countyCode) {\n    countyCode\n    averageLoan\n    loans\n    source\n    cost {\n      elapsedMillis\n      bytesRead\n      storageRequests\n    }\n  }\n}": typeof types.AverageLoanDocument,
    "query BlockLocations($path: StoragePath!) {\n  blockLocations(path: $path) {\n    path\n    length\n    replication\n    blockSize\n    dataNodes {\n      dataNode\n      blocks\n    }\n    blocks {\n      index\n      offset\n      length\n      dataNodes\n      missing\n    }\n  }\n}": typeof types.BlockLocationsDocument,
    "mutation CancelJob($id: ID!) {\n  cancelJob(id: $id) {\n    ...JobFields\n  }\n}": typeof types.CancelJobDocument,
    "mutation CompactWeather($partition: Int) {\n  compactWeather(partition: $partition) {\n    ...JobFields\n  }\n}": typeof types.CompactWeatherDocument,
    "query Counties {\n  counties {\n    code\n    name\n  }\n}": typeof types.CountiesDocument,
    "query CountyAverages {\n  counties {\n    code\n    name\n    averageLoan {\n      averageLoan\n      loans\n      source\n      cost {\n        elapsedMillis\n        bytesRead\n        storageRequests\n      }\n    }\n  }\n}": typeof types.CountyAveragesDocument,
    "query DataNodes {\n  dataNodes {\n    name\n    state\n    lastContact\n    usedBytes\n    capacityBytes\n  }\n}": typeof types.DataNodesDocument,
    "mutation DropPartitions($countyCodes: [CountyCode!]!) {\n  dropPartitions(countyCodes: $countyCodes)\n}": typeof types.DropPartitionsDocument,
    "query FileTransfer($file: String!) {\n  fileTransfer(file: $file) {\n    ...FileTransferFields\n  }\n}": typeof types.FileTransferDocument,
    "fragment FileTransferFields on FileTransfer {\n  transferId\n  file\n  bytes\n  blocks\n  sent\n  acknowledged\n  failed\n  askedAgain\n  sentBytes\n  acknowledgedBytes\n  bytesPerSecond\n  etaSeconds\n  state\n  message\n  sha256\n  machines\n  startedAt\n  updatedAt\n}": typeof types.FileTransferFieldsFragmentDoc,
    "query FileTransfers($first: Int!, $state: TransferState) {\n  fileTransfers(first: $first, state: $state) {\n    ...FileTransferFields\n  }\n}": typeof types.FileTransfersDocument,
    "mutation IngestCitizens($date: LocalDate!, $force: Boolean) {\n  ingestCitizens(date: $date, force: $force, wait: false) {\n    ...JobFields\n  }\n}": typeof types.IngestCitizensDocument,
    "query Job($id: ID!) {\n  job(id: $id) {\n    ...JobFields\n  }\n}": typeof types.JobDocument,
    "fragment JobFields on Job {\n  id\n  kind\n  state\n  progress {\n    done\n    total\n    unit\n    bytes\n    etaSeconds\n  }\n  createdAt\n  startedAt\n  finishedAt\n  message\n  hint\n  errorCode\n}": typeof types.JobFieldsFragmentDoc,
    "subscription JobProgress($id: ID!) {\n  jobProgress(id: $id) {\n    ...JobFields\n  }\n}": typeof types.JobProgressDocument,
    "query Jobs($kind: JobKind, $state: JobState, $first: Int! = 20) {\n  jobs(kind: $kind, state: $state, first: $first) {\n    ...JobFields\n  }\n}": typeof types.JobsDocument,
    "query Machines {\n  machines {\n    id\n    role\n    state\n    lastSeen\n    alive\n    blocksProcessed\n    bytesProcessed\n    failures\n    bytesPerSecond\n    trouble\n  }\n}": typeof types.MachinesDocument,
    "mutation MigrateLoans($wait: Boolean! = true, $engine: MigrationEngine! = AUTO) {\n  migrateLoans(wait: $wait, engine: $engine) {\n    ...JobFields\n  }\n}": typeof types.MigrateLoansDocument,
    "query PlanWarehouse($date: LocalDate!) {\n  planWarehouse(date: $date) {\n    date\n    problems\n    steps {\n      ...WarehouseStepFields\n    }\n  }\n}": typeof types.PlanWarehouseDocument,
    "mutation RunWarehouse($date: LocalDate!, $force: Boolean) {\n  runWarehouse(date: $date, force: $force, wait: false) {\n    ...JobFields\n  }\n}": typeof types.RunWarehouseDocument,
    "mutation SendFiles($folder: String!, $wait: Boolean!, $acknowledged: Boolean!) {\n  sendFiles(folder: $folder, wait: $wait, acknowledged: $acknowledged) {\n    ...JobFields\n  }\n}": typeof types.SendFilesDocument,
    "mutation StartWeather($generate: Boolean!) {\n  startWeather(generate: $generate) {\n    ...JobFields\n  }\n}": typeof types.StartWeatherDocument,
    "mutation StopWeather {\n  stopWeather {\n    ...JobFields\n  }\n}": typeof types.StopWeatherDocument,
    "query Systems {\n  systems {\n    role\n    kind\n    url\n    reachable\n    detail\n  }\n}": typeof types.SystemsDocument,
    "query TemperatureWindows($window: WindowSize!, $stationId: String, $from: LocalDate, $to: LocalDate) {\n  temperatureWindows(window: $window, stationId: $stationId, from: $from, to: $to) {\n    start\n    end\n    stationId\n    count\n    min\n    max\n    mean\n  }\n}": typeof types.TemperatureWindowsDocument,
    "query Temperatures($stationId: String, $from: LocalDate, $to: LocalDate, $first: Int, $after: String) {\n  temperatures(\n    stationId: $stationId\n    from: $from\n    to: $to\n    first: $first\n    after: $after\n  ) {\n    nodes {\n      stationId\n      date\n      degrees\n    }\n    endCursor\n    hasNextPage\n  }\n}": typeof types.TemperaturesDocument,
    "subscription TransferProgress($file: String) {\n  transferProgress(file: $file) {\n    ...FileTransferFields\n  }\n}": typeof types.TransferProgressDocument,
    "query VerifyWeather {\n  verifyWeather {\n    ok\n    sourceRows\n    storedRows\n    missing\n    duplicated\n    firstProblem\n  }\n}": typeof types.VerifyWeatherDocument,
    "query WarehouseRows($table: String!, $date: LocalDate, $first: Int) {\n  warehouseRows(table: $table, date: $date, first: $first)\n}": typeof types.WarehouseRowsDocument,
    "query WarehouseRuns($first: Int) {\n  warehouseRuns(first: $first) {\n    date\n    state\n    attempts\n    startedAt\n    finishedAt\n    steps {\n      ...WarehouseStepFields\n    }\n  }\n}": typeof types.WarehouseRunsDocument,
    "fragment WarehouseStepFields on WarehouseStep {\n  name\n  state\n  rows\n  elapsedMillis\n  message\n}": typeof types.WarehouseStepFieldsFragmentDoc,
    "query WarehouseTables {\n  warehouseTables {\n    name\n    description\n    rows\n    latestDate\n  }\n}": typeof types.WarehouseTablesDocument,
    "query WeatherBatchFiles($partition: Int) {\n  weatherBatchFiles(partition: $partition) {\n    partition\n    batch\n    lastBatch\n    path\n    rows\n    length\n    firstOffset\n    lastOffset\n    writtenAt\n  }\n}": typeof types.WeatherBatchFilesDocument,
    "query WeatherPartitions {\n  weatherPartitions {\n    partition\n    nextOffset\n    endOffset\n    lag\n    nextBatch\n    rows\n    doubles\n    deadLetters\n    warning\n  }\n}": typeof types.WeatherPartitionsDocument,
};
const documents: Documents = {
    "query AverageLoan($countyCode: CountyCode!) {\n  averageLoan(countyCode: $countyCode) {\n    countyCode\n    averageLoan\n    loans\n    source\n    cost {\n      elapsedMillis\n      bytesRead\n      storageRequests\n    }\n  }\n}": types.AverageLoanDocument,
    "query BlockLocations($path: StoragePath!) {\n  blockLocations(path: $path) {\n    path\n    length\n    replication\n    blockSize\n    dataNodes {\n      dataNode\n      blocks\n    }\n    blocks {\n      index\n      offset\n      length\n      dataNodes\n      missing\n    }\n  }\n}": types.BlockLocationsDocument,
    "mutation CancelJob($id: ID!) {\n  cancelJob(id: $id) {\n    ...JobFields\n  }\n}": types.CancelJobDocument,
    "mutation CompactWeather($partition: Int) {\n  compactWeather(partition: $partition) {\n    ...JobFields\n  }\n}": types.CompactWeatherDocument,
    "query Counties {\n  counties {\n    code\n    name\n  }\n}": types.CountiesDocument,
    "query CountyAverages {\n  counties {\n    code\n    name\n    averageLoan {\n      averageLoan\n      loans\n      source\n      cost {\n        elapsedMillis\n        bytesRead\n        storageRequests\n      }\n    }\n  }\n}": types.CountyAveragesDocument,
    "query DataNodes {\n  dataNodes {\n    name\n    state\n    lastContact\n    usedBytes\n    capacityBytes\n  }\n}": types.DataNodesDocument,
    "mutation DropPartitions($countyCodes: [CountyCode!]!) {\n  dropPartitions(countyCodes: $countyCodes)\n}": types.DropPartitionsDocument,
    "query FileTransfer($file: String!) {\n  fileTransfer(file: $file) {\n    ...FileTransferFields\n  }\n}": types.FileTransferDocument,
    "fragment FileTransferFields on FileTransfer {\n  transferId\n  file\n  bytes\n  blocks\n  sent\n  acknowledged\n  failed\n  askedAgain\n  sentBytes\n  acknowledgedBytes\n  bytesPerSecond\n  etaSeconds\n  state\n  message\n  sha256\n  machines\n  startedAt\n  updatedAt\n}": types.FileTransferFieldsFragmentDoc,
    "query FileTransfers($first: Int!, $state: TransferState) {\n  fileTransfers(first: $first, state: $state) {\n    ...FileTransferFields\n  }\n}": types.FileTransfersDocument,
    "mutation IngestCitizens($date: LocalDate!, $force: Boolean) {\n  ingestCitizens(date: $date, force: $force, wait: false) {\n    ...JobFields\n  }\n}": types.IngestCitizensDocument,
    "query Job($id: ID!) {\n  job(id: $id) {\n    ...JobFields\n  }\n}": types.JobDocument,
    "fragment JobFields on Job {\n  id\n  kind\n  state\n  progress {\n    done\n    total\n    unit\n    bytes\n    etaSeconds\n  }\n  createdAt\n  startedAt\n  finishedAt\n  message\n  hint\n  errorCode\n}": types.JobFieldsFragmentDoc,
    "subscription JobProgress($id: ID!) {\n  jobProgress(id: $id) {\n    ...JobFields\n  }\n}": types.JobProgressDocument,
    "query Jobs($kind: JobKind, $state: JobState, $first: Int! = 20) {\n  jobs(kind: $kind, state: $state, first: $first) {\n    ...JobFields\n  }\n}": types.JobsDocument,
    "query Machines {\n  machines {\n    id\n    role\n    state\n    lastSeen\n    alive\n    blocksProcessed\n    bytesProcessed\n    failures\n    bytesPerSecond\n    trouble\n  }\n}": types.MachinesDocument,
    "mutation MigrateLoans($wait: Boolean! = true, $engine: MigrationEngine! = AUTO) {\n  migrateLoans(wait: $wait, engine: $engine) {\n    ...JobFields\n  }\n}": types.MigrateLoansDocument,
    "query PlanWarehouse($date: LocalDate!) {\n  planWarehouse(date: $date) {\n    date\n    problems\n    steps {\n      ...WarehouseStepFields\n    }\n  }\n}": types.PlanWarehouseDocument,
    "mutation RunWarehouse($date: LocalDate!, $force: Boolean) {\n  runWarehouse(date: $date, force: $force, wait: false) {\n    ...JobFields\n  }\n}": types.RunWarehouseDocument,
    "mutation SendFiles($folder: String!, $wait: Boolean!, $acknowledged: Boolean!) {\n  sendFiles(folder: $folder, wait: $wait, acknowledged: $acknowledged) {\n    ...JobFields\n  }\n}": types.SendFilesDocument,
    "mutation StartWeather($generate: Boolean!) {\n  startWeather(generate: $generate) {\n    ...JobFields\n  }\n}": types.StartWeatherDocument,
    "mutation StopWeather {\n  stopWeather {\n    ...JobFields\n  }\n}": types.StopWeatherDocument,
    "query Systems {\n  systems {\n    role\n    kind\n    url\n    reachable\n    detail\n  }\n}": types.SystemsDocument,
    "query TemperatureWindows($window: WindowSize!, $stationId: String, $from: LocalDate, $to: LocalDate) {\n  temperatureWindows(window: $window, stationId: $stationId, from: $from, to: $to) {\n    start\n    end\n    stationId\n    count\n    min\n    max\n    mean\n  }\n}": types.TemperatureWindowsDocument,
    "query Temperatures($stationId: String, $from: LocalDate, $to: LocalDate, $first: Int, $after: String) {\n  temperatures(\n    stationId: $stationId\n    from: $from\n    to: $to\n    first: $first\n    after: $after\n  ) {\n    nodes {\n      stationId\n      date\n      degrees\n    }\n    endCursor\n    hasNextPage\n  }\n}": types.TemperaturesDocument,
    "subscription TransferProgress($file: String) {\n  transferProgress(file: $file) {\n    ...FileTransferFields\n  }\n}": types.TransferProgressDocument,
    "query VerifyWeather {\n  verifyWeather {\n    ok\n    sourceRows\n    storedRows\n    missing\n    duplicated\n    firstProblem\n  }\n}": types.VerifyWeatherDocument,
    "query WarehouseRows($table: String!, $date: LocalDate, $first: Int) {\n  warehouseRows(table: $table, date: $date, first: $first)\n}": types.WarehouseRowsDocument,
    "query WarehouseRuns($first: Int) {\n  warehouseRuns(first: $first) {\n    date\n    state\n    attempts\n    startedAt\n    finishedAt\n    steps {\n      ...WarehouseStepFields\n    }\n  }\n}": types.WarehouseRunsDocument,
    "fragment WarehouseStepFields on WarehouseStep {\n  name\n  state\n  rows\n  elapsedMillis\n  message\n}": types.WarehouseStepFieldsFragmentDoc,
    "query WarehouseTables {\n  warehouseTables {\n    name\n    description\n    rows\n    latestDate\n  }\n}": types.WarehouseTablesDocument,
    "query WeatherBatchFiles($partition: Int) {\n  weatherBatchFiles(partition: $partition) {\n    partition\n    batch\n    lastBatch\n    path\n    rows\n    length\n    firstOffset\n    lastOffset\n    writtenAt\n  }\n}": types.WeatherBatchFilesDocument,
    "query WeatherPartitions {\n  weatherPartitions {\n    partition\n    nextOffset\n    endOffset\n    lag\n    nextBatch\n    rows\n    doubles\n    deadLetters\n    warning\n  }\n}": types.WeatherPartitionsDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query AverageLoan($countyCode: CountyCode!) {\n  averageLoan(countyCode: $countyCode) {\n    countyCode\n    averageLoan\n    loans\n    source\n    cost {\n      elapsedMillis\n      bytesRead\n      storageRequests\n    }\n  }\n}"): typeof import('./graphql.ts').AverageLoanDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query BlockLocations($path: StoragePath!) {\n  blockLocations(path: $path) {\n    path\n    length\n    replication\n    blockSize\n    dataNodes {\n      dataNode\n      blocks\n    }\n    blocks {\n      index\n      offset\n      length\n      dataNodes\n      missing\n    }\n  }\n}"): typeof import('./graphql.ts').BlockLocationsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation CancelJob($id: ID!) {\n  cancelJob(id: $id) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').CancelJobDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation CompactWeather($partition: Int) {\n  compactWeather(partition: $partition) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').CompactWeatherDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Counties {\n  counties {\n    code\n    name\n  }\n}"): typeof import('./graphql.ts').CountiesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query CountyAverages {\n  counties {\n    code\n    name\n    averageLoan {\n      averageLoan\n      loans\n      source\n      cost {\n        elapsedMillis\n        bytesRead\n        storageRequests\n      }\n    }\n  }\n}"): typeof import('./graphql.ts').CountyAveragesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query DataNodes {\n  dataNodes {\n    name\n    state\n    lastContact\n    usedBytes\n    capacityBytes\n  }\n}"): typeof import('./graphql.ts').DataNodesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation DropPartitions($countyCodes: [CountyCode!]!) {\n  dropPartitions(countyCodes: $countyCodes)\n}"): typeof import('./graphql.ts').DropPartitionsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query FileTransfer($file: String!) {\n  fileTransfer(file: $file) {\n    ...FileTransferFields\n  }\n}"): typeof import('./graphql.ts').FileTransferDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment FileTransferFields on FileTransfer {\n  transferId\n  file\n  bytes\n  blocks\n  sent\n  acknowledged\n  failed\n  askedAgain\n  sentBytes\n  acknowledgedBytes\n  bytesPerSecond\n  etaSeconds\n  state\n  message\n  sha256\n  machines\n  startedAt\n  updatedAt\n}"): typeof import('./graphql.ts').FileTransferFieldsFragmentDoc;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query FileTransfers($first: Int!, $state: TransferState) {\n  fileTransfers(first: $first, state: $state) {\n    ...FileTransferFields\n  }\n}"): typeof import('./graphql.ts').FileTransfersDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation IngestCitizens($date: LocalDate!, $force: Boolean) {\n  ingestCitizens(date: $date, force: $force, wait: false) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').IngestCitizensDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Job($id: ID!) {\n  job(id: $id) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').JobDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment JobFields on Job {\n  id\n  kind\n  state\n  progress {\n    done\n    total\n    unit\n    bytes\n    etaSeconds\n  }\n  createdAt\n  startedAt\n  finishedAt\n  message\n  hint\n  errorCode\n}"): typeof import('./graphql.ts').JobFieldsFragmentDoc;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "subscription JobProgress($id: ID!) {\n  jobProgress(id: $id) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').JobProgressDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Jobs($kind: JobKind, $state: JobState, $first: Int! = 20) {\n  jobs(kind: $kind, state: $state, first: $first) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').JobsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Machines {\n  machines {\n    id\n    role\n    state\n    lastSeen\n    alive\n    blocksProcessed\n    bytesProcessed\n    failures\n    bytesPerSecond\n    trouble\n  }\n}"): typeof import('./graphql.ts').MachinesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation MigrateLoans($wait: Boolean! = true, $engine: MigrationEngine! = AUTO) {\n  migrateLoans(wait: $wait, engine: $engine) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').MigrateLoansDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query PlanWarehouse($date: LocalDate!) {\n  planWarehouse(date: $date) {\n    date\n    problems\n    steps {\n      ...WarehouseStepFields\n    }\n  }\n}"): typeof import('./graphql.ts').PlanWarehouseDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation RunWarehouse($date: LocalDate!, $force: Boolean) {\n  runWarehouse(date: $date, force: $force, wait: false) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').RunWarehouseDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation SendFiles($folder: String!, $wait: Boolean!, $acknowledged: Boolean!) {\n  sendFiles(folder: $folder, wait: $wait, acknowledged: $acknowledged) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').SendFilesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation StartWeather($generate: Boolean!) {\n  startWeather(generate: $generate) {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').StartWeatherDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "mutation StopWeather {\n  stopWeather {\n    ...JobFields\n  }\n}"): typeof import('./graphql.ts').StopWeatherDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Systems {\n  systems {\n    role\n    kind\n    url\n    reachable\n    detail\n  }\n}"): typeof import('./graphql.ts').SystemsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query TemperatureWindows($window: WindowSize!, $stationId: String, $from: LocalDate, $to: LocalDate) {\n  temperatureWindows(window: $window, stationId: $stationId, from: $from, to: $to) {\n    start\n    end\n    stationId\n    count\n    min\n    max\n    mean\n  }\n}"): typeof import('./graphql.ts').TemperatureWindowsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Temperatures($stationId: String, $from: LocalDate, $to: LocalDate, $first: Int, $after: String) {\n  temperatures(\n    stationId: $stationId\n    from: $from\n    to: $to\n    first: $first\n    after: $after\n  ) {\n    nodes {\n      stationId\n      date\n      degrees\n    }\n    endCursor\n    hasNextPage\n  }\n}"): typeof import('./graphql.ts').TemperaturesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "subscription TransferProgress($file: String) {\n  transferProgress(file: $file) {\n    ...FileTransferFields\n  }\n}"): typeof import('./graphql.ts').TransferProgressDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query VerifyWeather {\n  verifyWeather {\n    ok\n    sourceRows\n    storedRows\n    missing\n    duplicated\n    firstProblem\n  }\n}"): typeof import('./graphql.ts').VerifyWeatherDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query WarehouseRows($table: String!, $date: LocalDate, $first: Int) {\n  warehouseRows(table: $table, date: $date, first: $first)\n}"): typeof import('./graphql.ts').WarehouseRowsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query WarehouseRuns($first: Int) {\n  warehouseRuns(first: $first) {\n    date\n    state\n    attempts\n    startedAt\n    finishedAt\n    steps {\n      ...WarehouseStepFields\n    }\n  }\n}"): typeof import('./graphql.ts').WarehouseRunsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "fragment WarehouseStepFields on WarehouseStep {\n  name\n  state\n  rows\n  elapsedMillis\n  message\n}"): typeof import('./graphql.ts').WarehouseStepFieldsFragmentDoc;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query WarehouseTables {\n  warehouseTables {\n    name\n    description\n    rows\n    latestDate\n  }\n}"): typeof import('./graphql.ts').WarehouseTablesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query WeatherBatchFiles($partition: Int) {\n  weatherBatchFiles(partition: $partition) {\n    partition\n    batch\n    lastBatch\n    path\n    rows\n    length\n    firstOffset\n    lastOffset\n    writtenAt\n  }\n}"): typeof import('./graphql.ts').WeatherBatchFilesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query WeatherPartitions {\n  weatherPartitions {\n    partition\n    nextOffset\n    endOffset\n    lag\n    nextBatch\n    rows\n    doubles\n    deadLetters\n    warning\n  }\n}"): typeof import('./graphql.ts').WeatherPartitionsDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
