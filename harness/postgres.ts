import { existsSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { runCommand } from './command.ts'
import { findPostgres, installPostgres } from './install.ts'
import { freePort } from './ports.ts'
import { createDaemon } from './process.ts'
import type { Service, ServiceKind } from './service.ts'

const HOST = '127.0.0.1'
const DATABASE = 'dwh'
const USER = 'dwh'
const PASSWORD = 'warehouse'

export interface PostgresPlan {
  port: number
}

/** A PostgreSQL server on a loopback port with the database dwh, which belongs to the user dwh with the password warehouse. */
export const postgres: ServiceKind<Record<never, never>, PostgresPlan, Service> = {
  install: installPostgres,
  plan: async () => ({ port: await freePort(HOST) }),
  open: openPostgres,
}

function openPostgres(folder: string, { port }: PostgresPlan): Service {
  const dataFolder = join(folder, 'data')
  const programs = findPostgres() ?? ''
  const url = (database: string) => `postgres://${USER}:${PASSWORD}@${HOST}:${port}/${database}`
  const user = process.getuid?.() === 0 ? debianUser() : undefined
  const server = createDaemon({
    name: 'postgres',
    command: join(programs, 'postgres'),
    args: serverArguments(dataFolder, port),
    folder,
    isReady: () => createDatabase(url),
    wholeTree: true, // a process for each connection
    stopSignal: 'SIGINT', // at SIGTERM it waits for its clients to leave
    ...(user && { user }),
  })

  return {
    daemons: [server],
    environment: { MILLRACE_WAREHOUSE_URL: url(DATABASE) },

    async start() {
      await mkdir(folder, { recursive: true })
      if (user) await openTheWay(folder, user)
      if (!existsSync(dataFolder)) await createDataFolder(programs, dataFolder, user)
      await server.start()
      await server.waitUntilReady()
    },
  }
}

interface User {
  uid: number
  gid: number
}

/** PostgreSQL refuses to run as root, so it runs as the user that came with its Debian package. */
function debianUser(): User | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(text => text.startsWith('postgres:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

/** Gives the folder to the user, who must also get through those above it; ours may be closed to others, like any of mkdtemp. */
async function openTheWay(folder: string, { uid, gid }: User): Promise<void> {
  await chown(folder, uid, gid)
  for (let parent = dirname(folder); parent !== dirname(parent); parent = dirname(parent)) {
    const { mode } = await stat(parent)
    if ((mode & 0o001) !== 0) continue
    if (parent !== dirname(folder)) {
      throw new Error(`expected a folder that the user postgres can get into, but ${parent} is closed; use another one`)
    }
    await chmod(parent, mode | 0o011)
  }
}

function serverArguments(dataFolder: string, port: number): string[] {
  const settings = {
    listen_addresses: HOST,
    port,
    unix_socket_directories: '',
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    fsync: 'off', // survives kill -9 all the same; matters only when the machine loses power
  }
  return ['-D', dataFolder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** Renamed when it is whole, so that an interrupted start is never taken for one. */
async function createDataFolder(programs: string, dataFolder: string, user: User | undefined): Promise<void> {
  const unfinished = `${dataFolder}.unfinished`
  const passwordFile = `${dataFolder}.password`
  await rm(unfinished, { recursive: true, force: true })
  await writeFile(passwordFile, PASSWORD)
  if (user) await chown(passwordFile, user.uid, user.gid)
  try {
    await runCommand(
      join(programs, 'initdb'),
      [
        `--pgdata=${unfinished}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C.UTF-8',
        '--no-sync',
      ],
      user ? { user } : {},
    )
  } finally {
    await rm(passwordFile)
  }
  await rename(unfinished, dataFolder)
}

/** True: what it cannot do now, it throws. */
async function createDatabase(url: (database: string) => string): Promise<boolean> {
  const client = new Client({ connectionString: url('postgres'), connectionTimeoutMillis: 2_000, query_timeout: 5_000 })
  try {
    await client.connect()
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`)
    return true
  } finally {
    await client.end()
  }
}
