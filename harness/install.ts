import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { findCommand, runCommand } from './command.ts'
import type { Progress } from './service.ts'

/** Programs that run from the jars of Maven Central which a pom names. */
interface Jars {
  name: string
  /** Of the folder in this one that holds the pom, and of the one in the cache that gets the jars. */
  folderName: string
  /** As in the pom. */
  version: string
  megabytes: number
}

const HADOOP: Jars = { name: 'Hadoop', folderName: 'hadoop', version: '3.4.2', megabytes: 65 }
const KAFKA: Jars = { name: 'Kafka', folderName: 'kafka', version: '4.4.0', megabytes: 43 }
const MARIADB_DRIVER: Jars = {
  name: "MariaDB's JDBC driver",
  folderName: 'mariadbDriver',
  version: '3.5.6',
  megabytes: 1,
}

/** A program that the machine must have, and the Debian package that brings it. */
interface Program {
  name: string
  debianPackage: string
  find(): string | undefined
}

const JAVA: Program = { name: 'Java 17', debianPackage: 'openjdk-17-jre-headless', find: findJava }
const MAVEN: Program = { name: 'Maven', debianPackage: 'maven', find: () => findCommand('mvn') }
const MARIADB: Program = {
  name: 'MariaDB server',
  debianPackage: 'mariadb-server',
  find: () => findCommand('mariadbd'),
}
const POSTGRES: Program = { name: 'PostgreSQL server', debianPackage: 'postgresql', find: findPostgres }
const PYTHON: Program = {
  name: 'Python 3.10 or newer with venv',
  debianPackage: 'python3-venv',
  find: () => ['/usr/bin/python3', findCommand('python3')].find(suitsVenv),
}
const CHROMIUM: Program = {
  name: 'Chromium',
  debianPackage: 'chromium',
  find: () => findCommand('chromium', 'chromium-browser'),
}

/** Everything that the whole test run needs, with one visit to the package manager. */
export async function installEverything(progress: Progress): Promise<void> {
  await installPrograms([...neededFor(HADOOP, KAFKA, MARIADB_DRIVER), MARIADB, POSTGRES, PYTHON, CHROMIUM], progress)
  await installHadoop(progress)
  await installKafka(progress)
  await installMariadbDriver(progress)
}

export async function installMariadb(progress: Progress): Promise<void> {
  await installPrograms([MARIADB], progress)
}

export async function installJava(progress: Progress): Promise<void> {
  await installPrograms([JAVA], progress)
}

export async function installPostgres(progress: Progress): Promise<void> {
  await installPrograms([POSTGRES], progress)
}

/** Returns the path of the browser. */
export async function installChromium(progress: Progress): Promise<string> {
  await installPrograms([CHROMIUM], progress)
  return CHROMIUM.find()!
}

/** Returns the path of the interpreter. */
export async function installPython(progress: Progress): Promise<string> {
  await installPrograms([PYTHON], progress)
  return PYTHON.find()!
}

export async function installHadoop(progress: Progress): Promise<void> {
  await installJars(HADOOP, progress)
}

export async function installKafka(progress: Progress): Promise<void> {
  await installJars(KAFKA, progress)
}

/** For Spark, which reads tables with it. */
export async function installMariadbDriver(progress: Progress): Promise<void> {
  await installJars(MARIADB_DRIVER, progress)
}

/** Where the jars are once installHadoop() has resolved. */
export function hadoopFolder(): string {
  return folderOf(HADOOP)
}

/** Where the jars are once installKafka() has resolved. */
export function kafkaFolder(): string {
  return folderOf(KAFKA)
}

/** Where the jar is once installMariadbDriver() has resolved. */
export function mariadbDriverFolder(): string {
  return folderOf(MARIADB_DRIVER)
}

/** For what is fetched once for all clones on this machine. */
export function cacheFolder(): string {
  return process.env.MILLRACE_CACHE_DIR ?? join(homedir(), '.cache', 'millrace')
}

/** The folder of PostgreSQL's programs, the newest that is there: Debian keeps them off the PATH. */
export function findPostgres(): string | undefined {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).map(Number).filter(Boolean) : []
  const debian = versions
    .toSorted((one, other) => other - one)
    .map(version => join(root, String(version), 'bin'))
    .find(folder => existsSync(join(folder, 'postgres')))
  const onPath = findCommand('postgres')
  return debian ?? (onPath && dirname(onPath))
}

/** Java 17 where Debian puts it, else what the PATH has if Hadoop and Kafka run on it. */
export function findJava(): string | undefined {
  const homes = existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm') : []
  const java17 = homes
    .filter(home => home.startsWith('java-17-openjdk'))
    .map(home => join('/usr/lib/jvm', home, 'bin', 'java'))
    .find(existsSync)
  if (java17) return java17
  const other = findCommand('java')
  return other && suits(other) ? other : undefined
}

/** 17 is the oldest for Kafka; 24 took away the security manager, without which Hadoop does not start. */
function suits(java: string): boolean {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  const major = Number(/version "(\d+)/.exec(stderr)?.[1])
  return major >= 17 && major < 24
}

/** Debian's Python comes without ensurepip, which fills a venv, unless python3-venv is there too. */
function suitsVenv(python: string | undefined): boolean {
  const question = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'
  return python !== undefined && spawnSync(python, ['-c', question]).status === 0
}

async function installJars(jars: Jars, progress: Progress): Promise<void> {
  await installPrograms(neededFor(jars), progress)
  if (!existsSync(folderOf(jars))) await fetchJars(jars, progress)
}

function neededFor(...all: Jars[]): Program[] {
  return all.every(jars => existsSync(folderOf(jars))) ? [JAVA] : [JAVA, MAVEN]
}

function folderOf({ folderName, version }: Jars): string {
  return join(cacheFolder(), `${folderName}-${version}`)
}

/** The folder gets its name when it is whole: an interrupted download is never taken for one, and of two at a time either wins. */
async function fetchJars(jars: Jars, progress: Progress): Promise<void> {
  const { name, folderName, version, megabytes } = jars
  const folder = folderOf(jars)
  progress(`fetching the jars of ${name} ${version} from Maven Central (${megabytes} MB, once) into ${folder}`)
  await mkdir(join(folder, '..'), { recursive: true })
  const unfinished = await mkdtemp(`${folder}.unfinished-`)
  try {
    await runCommand(findCommand('mvn')!, [
      '--quiet',
      '--batch-mode',
      `--file=${join(import.meta.dirname, folderName, 'pom.xml')}`,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${unfinished}`,
    ])
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function installPrograms(programs: Program[], progress: Progress): Promise<void> {
  const missing = programs.filter(program => !program.find())
  if (missing.length === 0) return
  const packages = missing.map(program => program.debianPackage)
  if (!mayInstall()) {
    throw new Error(
      `missing on this machine: ${missing.map(program => program.name).join(', ')}. ` +
        `Only root on Debian or Ubuntu installs by itself; here run: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
    )
  }
  progress(`installing ${packages.join(', ')}`)
  await aptGet('update')
  await withoutServiceStarts(() => aptGet('install', '--yes', '--no-install-recommends', ...packages))
  const still = missing.filter(program => !program.find())
  if (still.length > 0) {
    throw new Error(
      `apt-get installed ${packages.join(', ')}, and yet ${still.map(program => program.name).join(', ')} cannot be found`,
    )
  }
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && findCommand('apt-get') !== undefined
}

/** What it prints goes to standard error. Waits for another apt-get on the same machine. */
function aptGet(...args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', ['--quiet', '--quiet', '-o', 'DPkg::Lock::Timeout=600', ...args], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    child.once('error', reject)
    child.once('close', code =>
      code === 0 ? resolve() : reject(new Error(`apt-get ${args.join(' ')}: expected exit code 0, got ${code}`)),
    )
  })
}

/** Debian starts a server as soon as it is installed, unless this script says no (exit code 101); ours start by themselves. */
async function withoutServiceStarts<T>(install: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return install()
  const ours = '#!/bin/sh\n# Written by the harness of Millrace for the time of an installation.\nexit 101\n'
  await writeFile(policy, ours, { mode: 0o755 })
  try {
    return await install()
  } finally {
    if ((await readFile(policy, 'utf8')) === ours) await rm(policy)
  }
}
