import type { Daemon } from './process.ts'

/**
 * One system of the cluster (a database, HDFS, Kafka, later an engine): some daemons, and what a client needs to
 * reach them.
 */
export interface Service {
  readonly daemons: Daemon[]
  /** The MILLRACE_* variables that bind Millrace to it. */
  readonly environment: Record<string, string>
  /** Makes what a first start needs, starts every daemon that does not run and waits until all can be used. */
  start(): Promise<void>
}

/** How a service joins the cluster; see SERVICES in cluster.ts. */
export interface ServiceKind<Options, Plan, Opened extends Service> {
  /** Fetches and installs the programs it runs on. */
  install(progress: Progress): Promise<void>
  /** Chooses ports and the like, once in the life of a cluster; kept as JSON. */
  plan(options: Options): Promise<Plan>
  /** Describes the service in `folder`; starts nothing, so that any process can attach. */
  open(folder: string, plan: Plan): Opened
}

export type Progress = (line: string) => void
