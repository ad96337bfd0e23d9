import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { findCommand, runCommand } from './command.ts'
import { installMariadb } from './install.ts'
import { freePort } from './ports.ts'
import { createDaemon } from './process.ts'
import type { Service, ServiceKind } from './service.ts'

export const MARIADB_HOST = '127.0.0.1'
const DATABASE = 'CS544'
const USER = 'root'
const PASSWORD = 'abc'

export interface MariadbPlan {
  port: number
}

/** A MariaDB server on a loopback port with the database CS544, open to root with the password abc. */
export const mariadb: ServiceKind<Record<never, never>, MariadbPlan, Service> = {
  install: installMariadb,
  plan: async () => ({ port: await freePort(MARIADB_HOST) }),
  open: (folder, { port }) => openMariadb(folder, port),
}

/** How Millrace is bound to the server, or to a proxy before it. */
export function mariadbUrl(port: number): string {
  return `mysql://${USER}:${PASSWORD}@${MARIADB_HOST}:${port}/${DATABASE}`
}

function openMariadb(folder: string, port: number): Service {
  const dataFolder = join(folder, 'data')
  const temporaryFolder = join(folder, 'tmp')
  const initFile = join(folder, 'init.sql')
  const server = createDaemon({
    name: 'mysql',
    command: findCommand('mariadbd') ?? 'mariadbd',
    args: serverArguments({ folder, dataFolder, temporaryFolder, initFile, port }),
    folder,
    isReady: () => answers(port),
  })

  return {
    daemons: [server],
    environment: { MILLRACE_SOURCE_URL: mariadbUrl(port) },

    async start() {
      await mkdir(temporaryFolder, { recursive: true })
      await writeFile(initFile, INIT_SQL)
      if (!existsSync(dataFolder)) await createDataFolder(dataFolder, temporaryFolder)
      await server.start()
      await server.waitUntilReady()
    },
  }
}

/** Run at every start, so each statement may find its work done, and before the server answers anyone. */
const INIT_SQL = [
  `CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4;`,
  `CREATE OR REPLACE USER '${USER}'@'${MARIADB_HOST}' IDENTIFIED BY '${PASSWORD}';`,
  `GRANT ALL PRIVILEGES ON *.* TO '${USER}'@'${MARIADB_HOST}' WITH GRANT OPTION;`,
  '',
].join('\n')

interface Places {
  folder: string
  dataFolder: string
  /** Of its own: a MariaDB that starts removes the temporary tables of all others from where its own go. */
  temporaryFolder: string
  initFile: string
  port: number
}

function serverArguments({ folder, dataFolder, temporaryFolder, initFile, port }: Places): string[] {
  return [
    '--no-defaults', // first, or the server refuses it
    `--datadir=${dataFolder}`,
    `--tmpdir=${temporaryFolder}`,
    `--init-file=${initFile}`,
    `--pid-file=${join(folder, 'mariadbd.pid')}`,
    '--socket=mysql.sock', // within the data folder: a whole path may pass the 107 bytes a socket's name can have
    `--bind-address=${MARIADB_HOST}`,
    `--port=${port}`,
    ...asUser(),
    '--skip-name-resolve',
    '--skip-log-bin',
    '--character-set-server=utf8mb4',
    '--max-allowed-packet=64M',
    '--local-infile=ON',
    '--innodb-buffer-pool-size=512M',
    '--innodb-log-file-size=256M',
    '--innodb-flush-log-at-trx-commit=2', // survives kill -9, and no fsync at each commit
    '--innodb-doublewrite=OFF', // matters only when the machine loses power
  ]
}

/** Renamed when it is whole, so that an interrupted start is never taken for one. */
async function createDataFolder(dataFolder: string, temporaryFolder: string): Promise<void> {
  const unfinished = `${dataFolder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await runCommand(findCommand('mariadb-install-db') ?? 'mariadb-install-db', [
    '--no-defaults',
    `--datadir=${unfinished}`,
    `--tmpdir=${temporaryFolder}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    ...asUser(),
  ])
  await rename(unfinished, dataFolder)
}

/** MariaDB refuses to run as root unless told to. */
function asUser(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

async function answers(port: number): Promise<boolean> {
  const connection = await createConnection({
    host: MARIADB_HOST,
    port,
    user: USER,
    password: PASSWORD,
    database: DATABASE,
    connectTimeout: 2_000,
  })
  await connection.end()
  return true
}
