import { waitUntil } from '../../harness/wait.ts'
import type { Engine } from './engine.ts'

/** Names everything of the run: images, containers, networks and volumes. */
const PROJECT = 'millrace-test'
const MYSQL_IMAGE = `localhost/${PROJECT}-mysql`
const ENVIRONMENT = { PROJECT, MYSQL_IMAGE }

/** The services by what their containers are called, without the project. */
export const DAEMONS = ['mysql-1', 'nn-1', 'dn-1', 'dn-2', 'dn-3', 'server-1'] as const
const SAMPLE = 'sample-1'

export interface ContainerFacts {
  name: string
  image: string
  imageBytes: number
  user: string
  memoryLimitBytes: number
}

/** The project's docker-compose.yml, built and run under a project name of its own. */
export interface Stack {
  build(): Promise<void>
  up(): Promise<void>
  facts(): Promise<ContainerFacts[]>
  /** What the container that fills the database printed, when it has ended well. */
  sampleLog(): Promise<string>
  /** Runs the filling once more. */
  loadSampleAgain(): Promise<string>
  /** A command in the server's container; returns what it printed. */
  inServer(args: readonly string[], input?: string): Promise<string>
  /** `millrace ... --json` in the server's container. */
  millrace<Result>(...args: string[]): Promise<Result>
  kill(name: string): Promise<void>
  /** Takes everything away but the images, which the next build starts from. */
  down(): Promise<void>
  /** Names of what is left of containers, networks and volumes. */
  leftovers(): Promise<string[]>
}

export function createStack(engine: Engine, signal: AbortSignal): Stack {
  const run = (args: readonly string[], timeoutSeconds = 60, input = '') =>
    engine.run(args, { timeoutSeconds, signal, input })
  const compose = (args: readonly string[], timeoutSeconds: number) =>
    engine.compose(args, { timeoutSeconds, signal, environment: ENVIRONMENT })
  const list = async (args: readonly string[], format: string) =>
    (await engine.run([...args, '--format', format], { timeoutSeconds: 60 })).split('\n').filter(name => name !== '')

  const container = (name: string) => `${PROJECT}-${name}`

  async function inspect<Value>(kind: 'container' | 'image', name: string, format: string): Promise<Value> {
    return JSON.parse(await run([kind, 'inspect', '--format', `{{json ${format}}}`, name])) as Value
  }

  async function sampleLog(): Promise<string> {
    const exitCode = (await run(['wait', container(SAMPLE)], 300)).trim()
    const log = await run(['logs', container(SAMPLE)])
    if (exitCode !== '0') throw new Error(`${container(SAMPLE)}: expected exit code 0, got ${exitCode}\n${log}`)
    return log
  }

  return {
    async build() {
      const host = engine.description.startsWith('podman') ? ['--network=host'] : []
      await run(['build', ...host, '--file=docker/mariadb/Dockerfile', `--tag=${MYSQL_IMAGE}`, '.'], 600)
      // One of the DataNodes: all three run the same image, and the sample the server's.
      for (const service of ['nn', 'dn-1', 'server']) await compose(['build', service], 900)
    },

    async up() {
      await compose(['up', '-d', '--no-build'], 120)
      await waitUntil({ description: 'all six services to run', timeoutMillis: 30_000 }, async () => {
        const states = await Promise.all(
          DAEMONS.map(name => inspect<boolean>('container', container(name), '.State.Running')),
        )
        return states.every(running => running)
      })
    },

    facts: () =>
      Promise.all(
        DAEMONS.map(async name => {
          const image = await inspect<string>('container', container(name), '.Config.Image')
          return {
            name: container(name),
            image,
            imageBytes: await inspect<number>('image', image, '.Size'),
            user: await inspect<string>('container', container(name), '.Config.User'),
            memoryLimitBytes: await inspect<number>('container', container(name), '.HostConfig.Memory'),
          }
        }),
      ),

    sampleLog,
    async loadSampleAgain() {
      await run(['start', container(SAMPLE)])
      return sampleLog()
    },

    // In /app, where a program on standard input finds the packages.
    inServer: (args, input) => run(['exec', '-i', '--workdir=/app', container('server-1'), ...args], 300, input),
    async millrace<Result>(...args: string[]) {
      const answer = await run(['exec', container('server-1'), 'millrace', ...args, '--json'], 300)
      return JSON.parse(answer) as Result
    },

    async kill(name) {
      await run(['kill', container(name)])
    },

    async down() {
      // Goes on also after Ctrl-C.
      await engine.compose(['down', '-v', '-t', '5'], { timeoutSeconds: 120, environment: ENVIRONMENT })
    },

    async leftovers() {
      const lists = await Promise.all([
        list(['ps', '--all', '--filter', `name=^${PROJECT}-`], '{{.Names}}'),
        list(['volume', 'ls', '--filter', `name=^${PROJECT}_`], '{{.Name}}'),
        list(['network', 'ls', '--filter', `name=^${PROJECT}_`], '{{.Name}}'),
      ])
      return lists.flat()
    },
  }
}
