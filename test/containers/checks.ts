import { waitUntil } from '../../harness/wait.ts'
import { averageByGrpc, averagesBySql, memoryUse } from './inside.ts'
import { DAEMONS, type Stack } from './stack.ts'

/** One thing that the stack must do; throws where it does not. Returns a line about what was seen. */
export interface Check {
  /** A sentence. */
  name: string
  readonly run: (stack: Stack) => Promise<string>
}

interface Average {
  averageLoan: number
  source: 'CREATE' | 'REUSE' | 'RECREATE'
}

interface FileBlocks {
  length: number
  dataNodes: { dataNode: string; blocks: number }[]
}

const MIB = 1024 * 1024
const MEMORY_LIMITS = new Map<string, number>([['server-1', 3 * 1024 * MIB]])
const USUAL_MEMORY_LIMIT = 1024 * MIB
const IDLE_BYTES = 250_000_000
const LOANS = 426_716
const COUNTIES = [55001, 55003, 55009, 55025, 55027, 55031, 55059, 55063, 55079, 55087, 55101, 55133]

/** Each goes on from where the one before has left the stack. */
export function createChecks(): Check[] {
  const averages = new Map<number, number>()
  return [
    { name: 'The images build', run: async stack => stack.build().then(() => 'server, nn, dn and mysql') },
    { name: 'The six services start', run: async stack => stack.up().then(() => DAEMONS.join(', ')) },
    { name: 'No container runs as root, and each has its memory limit', run: haveLimits },
    {
      name: 'The sample is loaded at the first start',
      run: async stack => expectText(await stack.sampleLog(), 'The sample is loaded'),
    },
    { name: 'The server idles under 250 MB', run: idle },
    { name: 'The NameNode knows three DataNodes', run: threeDataNodes },
    { name: 'DbToHdfs migrates', run: migrate },
    { name: 'BlockLocations counts two replicas of each block, on three DataNodes', run: locate },
    { name: 'CalcAvgLoan creates partitions, with the averages that SQL gives', run: stack => create(stack, averages) },
    { name: 'CalcAvgLoan reuses them', run: stack => reuse(stack, averages) },
    { name: 'The gRPC service answers inside the container', run: stack => grpc(stack, averages) },
    { name: 'The analyzer writes its table and pictures', run: analyze },
    {
      name: 'After a kill of a DataNode its partitions are recreated, the others reused',
      run: stack => kill(stack, averages),
    },
    { name: 'And then all are reused', run: stack => reuse(stack, averages) },
    {
      name: 'The sample is not loaded a second time',
      run: async stack => expectText(await stack.loadSampleAgain(), 'nothing to load'),
    },
  ]
}

async function haveLimits(stack: Stack): Promise<string> {
  const facts = await stack.facts()
  for (const { name, user, memoryLimitBytes } of facts) {
    if (['', '0', 'root'].includes(user.split(':')[0]!)) throw new Error(`${name}: expected a user, got "${user}"`)
    const service = DAEMONS.find(daemon => name.endsWith(daemon))!
    expectEqual(memoryLimitBytes, MEMORY_LIMITS.get(service) ?? USUAL_MEMORY_LIMIT, `memory limit of ${name}`)
  }
  const rows = facts.map(({ name, image, imageBytes, user, memoryLimitBytes }) => [
    name,
    image,
    megabytes(imageBytes),
    user,
    `${memoryLimitBytes / MIB} MiB`,
  ])
  return table([['container', 'image', 'image size', 'user', 'memory limit'], ...rows])
}

async function idle(stack: Stack): Promise<string> {
  const used = await memoryUse(stack)
  if (used >= IDLE_BYTES) throw new Error(`expected less than ${megabytes(IDLE_BYTES)}, got ${megabytes(used)}`)
  return megabytes(used)
}

async function threeDataNodes(stack: Stack): Promise<string> {
  let names: string[] = []
  const live = async () => {
    const nodes = await stack.millrace<{ name: string; state: string }[]>('data-nodes')
    names = nodes.filter(({ state }) => state === 'LIVE').map(({ name }) => name)
    return names.length === 3
  }
  const description = 'three live DataNodes'
  await waitUntil({ description, timeoutMillis: 90_000, pollMillis: 1000, detail: () => names.join(', ') }, () =>
    live().catch(() => false),
  )
  return names.join(', ')
}

async function migrate(stack: Stack): Promise<string> {
  const job = await stack.millrace<{ state: string; message: string; progress: { done: number } }>('DbToHdfs')
  expectEqual([job.state, job.progress.done], ['SUCCEEDED', LOANS], 'the job')
  return job.message
}

async function locate(stack: Stack): Promise<string> {
  const { length, dataNodes } = await blocksOf(stack, '/hdma-wi-2021.parquet')
  const replicas = dataNodes.reduce((sum, { blocks }) => sum + blocks, 0)
  expectEqual(replicas, 2 * Math.ceil(length / MIB), 'replicas')
  expectEqual(dataNodes.map(({ dataNode }) => dataNode).sort(), ['dn-1', 'dn-2', 'dn-3'], 'DataNodes')
  return dataNodes.map(({ dataNode, blocks }) => `${dataNode}: ${blocks}`).join(', ')
}

async function create(stack: Stack, averages: Map<number, number>): Promise<string> {
  const truth = await averagesBySql(stack)
  for (const county of COUNTIES) {
    const { averageLoan, source } = await average(stack, county)
    expectEqual([county, averageLoan, source], [county, truth.get(county), 'CREATE'], 'county, average and source')
    averages.set(county, averageLoan)
  }
  return [...averages].map(([county, average]) => `${county}: ${average}`).join(', ')
}

async function reuse(stack: Stack, averages: Map<number, number>): Promise<string> {
  for (const [county, expected] of averages) {
    const { averageLoan, source } = await average(stack, county)
    expectEqual([county, averageLoan, source], [county, expected, 'REUSE'], 'county, average and source')
  }
  return `${averages.size} counties`
}

async function grpc(stack: Stack, averages: Map<number, number>): Promise<string> {
  const [county, expected] = [...averages][0]!
  const answer = await averageByGrpc(stack, county)
  expectEqual(answer, { avg_loan: expected, source: 'reuse', error: '' }, 'the answer')
  return JSON.stringify(answer)
}

/** Of other counties, because it removes their partitions. */
async function analyze(stack: Stack): Promise<string> {
  const { files } = await stack.millrace<{ files: Record<'csv' | 'png' | 'svg', string> }>(
    'analyze',
    '--counties=55005,55007',
    '--repeats=2',
  )
  const csv = await stack.inServer(['cat', files.csv])
  expectText(csv, 'operation,time\n')
  const sizes = (await stack.inServer(['wc', '-c', files.png, files.svg])).trim().split('\n')
  expectEqual(
    sizes.map(line => Number.parseInt(line, 10) > 10_000),
    [true, true, true],
    `pictures of more than 10 kB each (${sizes.join(', ')})`,
  )
  return csv.trim().replaceAll('\n', ' ')
}

async function kill(stack: Stack, averages: Map<number, number>): Promise<string> {
  const nodeOf = new Map<number, string>()
  for (const county of averages.keys()) {
    const { dataNodes } = await blocksOf(stack, `/partitions/${county}.parquet`)
    expectEqual(dataNodes.length, 1, `DataNodes of the partition of ${county}`)
    nodeOf.set(county, dataNodes[0]!.dataNode)
  }
  const nodes = [...nodeOf.values()]
  const victim = nodes[0]!
  if (nodes.every(node => node === victim))
    throw new Error(`expected partitions on several DataNodes, got all on ${victim}`)

  await stack.kill(victim)
  for (const [county, expected] of averages) {
    const { averageLoan, source } = await average(stack, county)
    const wanted = nodeOf.get(county) === victim ? 'RECREATE' : 'REUSE'
    expectEqual([county, averageLoan, source], [county, expected, wanted], 'county, average and source')
  }
  const lost = nodes.filter(node => node === victim).length
  return `${victim} killed: ${lost} recreated, ${nodes.length - lost} reused, averages unchanged`
}

function average(stack: Stack, county: number): Promise<Average> {
  return stack.millrace<Average>('CalcAvgLoan', '-c', String(county))
}

function blocksOf(stack: Stack, path: string): Promise<FileBlocks> {
  return stack.millrace<FileBlocks>('BlockLocations', '-f', path)
}

function expectEqual(value: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(value), JSON.stringify(expected)]
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`)
}

function expectText(text: string, part: string): string {
  if (!text.includes(part)) throw new Error(`expected a text with "${part}", got: ${text}`)
  return text.trim().split('\n').at(-1)!
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(
      row =>
        `\n    ${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}`,
    )
    .join('')
}
