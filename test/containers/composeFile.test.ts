import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Environment, readConfig, unknownVariables } from '../../src/config.ts'
import { readDockerfile, type Stage } from './dockerfile.ts'

/** The short form of `npm run test:containers`: nothing is built. */

interface Service {
  image: string
  build?: { context: string; dockerfile: string; target?: string }
  container_name: string
  hostname?: string
  command?: string
  environment?: Environment
  depends_on?: string[]
  profiles?: string[]
  volumes?: string[]
  mem_limit: string
}

const ROOT = join(import.meta.dirname, '..', '..')
const DOCKER = join(ROOT, 'docker')
const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>
  volumes: Record<string, unknown>
}
const services = Object.entries(compose.services)
const dockerfiles = readdirSync(DOCKER).map(folder => `docker/${folder}/Dockerfile`)
const scripts = readdirSync(DOCKER, { recursive: true, encoding: 'utf8' }).filter(path => path.includes('/bin/'))

describe('docker-compose.yml', () => {
  test('has the six services of the original, and one that fills the database; others where they are asked for', () => {
    const always = services.filter(([, { profiles }]) => !profiles).map(([name]) => name)
    expect(always).toEqual(['mysql', 'nn', 'dn-1', 'dn-2', 'dn-3', 'server', 'sample'])
    expect(compose.services.kafka).toMatchObject({ hostname: 'kafka', profiles: ['weather', 'files'] })
    // Nobody else's machine gets at it, and it changes nothing.
    expect(compose.services['kafka-ui']).toMatchObject({
      profiles: ['kafka-ui'],
      ports: ['127.0.0.1:8080:8080'],
      environment: { KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS: 'kafka:9092', KAFKA_CLUSTERS_0_READONLY: 'true' },
    })
    for (const name of ['postgres', 'spark']) {
      expect(compose.services[name]).toMatchObject({ hostname: name, profiles: ['warehouse'] })
    }
    expect(compose.services.airflow).toMatchObject({ network_mode: 'service:server', profiles: ['airflow'] })
    expect(compose.services.nn?.hostname).toBe('boss')
  })

  test('names images and containers by PROJECT, and takes the database of MYSQL_IMAGE', () => {
    const variables = { PROJECT: 'p4', MYSQL_IMAGE: 'localhost/p4-mysql', KAFKA_UI_IMAGE: 'kafka-ui' }
    const images = services.map(([, { image }]) => substitute(image, variables))
    expect(images).toEqual(
      'localhost/p4-mysql p4-nn p4-dn p4-dn p4-dn p4-server p4-server p4-kafka kafka-ui p4-postgres p4-spark p4-spark p4-spark p4-airflow'.split(
        ' ',
      ),
    )
    const names = services.map(([, service]) => substitute(service.container_name, variables))
    expect(names).toEqual(
      `p4-mysql-1 p4-nn-1 p4-dn-1 p4-dn-2 p4-dn-3 p4-server-1 p4-sample-1 p4-kafka-1 p4-kafka-ui-1 p4-postgres-1
       p4-spark-master-1 p4-spark-worker-1 p4-spark-1 p4-airflow-1`.split(/\s+/),
    )
    expect(substitute(compose.services.mysql!.image, {})).toBe('mysql:8.4')
  })

  test('limits memory: 3 GB for the server, 2 GB for the five programs of Airflow, 1 GB for every other', () => {
    const larger: Record<string, string> = { server: '3g', airflow: '2g' }
    for (const [name, { mem_limit }] of services) expect([name, mem_limit]).toEqual([name, larger[name] ?? '1g'])
  })

  test('gives the NameNode the flags of the original', () => {
    expect(compose.services.nn?.command).toBe(
      'hdfs namenode -D dfs.namenode.stale.datanode.interval=10000 -D dfs.namenode.heartbeat.recheck-interval=30000',
    )
  })

  test('waits for nothing but the start of other containers: a condition may never be looked at', () => {
    const lists = services.map(([, { depends_on }]) => depends_on ?? [])
    for (const list of lists) for (const name of list) expect(Object.keys(compose.services)).toContain(name)
  })

  test('keeps what must last in volumes that it declares', () => {
    const used = services.flatMap(([, { volumes }]) => volumes ?? []).map(volume => volume.split(':')[0])
    expect(used).toEqual(Object.keys(compose.volumes))
  })

  test.each(services.filter(([, { environment }]) => environment?.MILLRACE_SOURCE_URL))(
    'configures %s with variables that Millrace has, and values that it takes',
    (_, { environment = {} }) => {
      expect(unknownVariables(environment)).toEqual([])
      const unchanged = Object.fromEntries(
        Object.entries(environment).map(([name, value]) => [name, value && substitute(value, {})]),
      )
      expect(readConfig(unchanged).source).toMatchObject({
        kind: 'mysql',
        host: 'mysql',
        user: 'root',
        password: 'abc',
        database: 'CS544',
      })
    },
  )

  test('builds from Dockerfiles, and stages of them, that are there', () => {
    for (const [, { build }] of services) {
      if (!build) continue
      expect(dockerfiles).toContain(build.dockerfile)
      if (build.target) expect(stageNames(readDockerfile(join(ROOT, build.dockerfile)))).toContain(build.target)
    }
  })
})

describe.each(dockerfiles)('%s', path => {
  const stages = readDockerfile(join(ROOT, path))
  const final = stages.filter(({ command }) => command)

  test('copies only what is in the project, and let through by .dockerignore', () => {
    const allowed = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
      .split('\n')
      .flatMap(line => (line.startsWith('!') ? line.slice(1) : []))
    for (const source of stages.flatMap(({ sources }) => sources)) {
      expect(existsSync(join(ROOT, source)), source).toBe(true)
      expect(
        allowed.some(path => source === path || source.startsWith(`${path}/`)),
        source,
      ).toBe(true)
    }
  })

  test('copies from stages that it has', () => {
    for (const from of stages.flatMap(({ copiesFrom }) => copiesFrom)) expect(stageNames(stages)).toContain(from)
  })

  test('runs a command of its own as a user who is not root', () => {
    expect(final).not.toHaveLength(0)
    for (const stage of final) {
      expect(userOf(stage, stages)).toMatch(/^(millrace|hdfs|mysql|kafka|postgres|spark|airflow)$/)
      const [command = ''] = stage.command!
      expect(['node', ...scripts.map(script => script.split('/').at(-1))]).toContain(command)
    }
  })
})

test.each(scripts)('docker/%s may be executed, and is a shell script without a slip', script => {
  const path = join(DOCKER, script)
  expect(statSync(path).mode & 0o111).toBe(0o111)
  expect(spawnSync('sh', ['-n', path], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})

/** As compose does with ${NAME:-default}. */
function substitute(text: string, variables: Environment): string {
  return text.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, fallback: string) => variables[name] ?? fallback)
}

function stageNames(stages: Stage[]): string[] {
  return stages.flatMap(({ name }) => name ?? [])
}

/** Its own, or that of the stage it builds on. */
function userOf({ user, base }: Stage, stages: Stage[]): string | undefined {
  const below = stages.find(({ name }) => name === base)
  return user ?? (below && userOf(below, stages))
}
