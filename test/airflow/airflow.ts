import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installPythonPackages } from '../../harness/installPython.ts'
import { freePort } from '../../harness/ports.ts'
import { createDaemon, type Daemon } from '../../harness/process.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'

const AIRFLOW = join(import.meta.dirname, '../../docker/airflow')
const HOST = '127.0.0.1'

/** Airflow of its image's requirements, with the DAG of docker/airflow. */
export interface Airflow {
  /** `airflow <words>`, with more variables than the usual ones. */
  start(words: readonly string[], environment?: Record<string, string>): RunningProcess
  /** `airflow standalone`: scheduler, triggerer and what else belongs to it, which end together. */
  standalone(environment: Record<string, string>): Daemon
  /** All that it has written so far: logs, and its database. */
  written(): Promise<string>
}

/** Everything that it writes is in `folder`; its database is not made yet. The DAG finds Millrace by `connection`, looks every second and tries twice more. */
export async function openAirflow(folder: string, connection: string): Promise<Airflow> {
  const python = await installPythonPackages(join(AIRFLOW, 'requirements.txt'), line =>
    process.stderr.write(`${line}\n`),
  )
  const programs = join(folder, 'bin')
  await mkdir(programs, { recursive: true })
  // Its own script names the folder in which pip made it, which is another by now.
  await writeFile(join(programs, 'airflow'), `#!/bin/sh\nexec '${python}' -m airflow "$@"\n`)
  await chmod(join(programs, 'airflow'), 0o755)
  const [api, triggerLog, workerLog] = [await freePort(HOST), await freePort(HOST), await freePort(HOST)]
  const usual = {
    PATH: `${programs}:${process.env.PATH}`,
    HOME: folder,
    AIRFLOW_HOME: join(folder, 'home'),
    AIRFLOW_CONN_MILLRACE: connection,
    AIRFLOW__CORE__DAGS_FOLDER: join(AIRFLOW, 'dags'),
    AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
    AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: 'False',
    AIRFLOW__CORE__PARALLELISM: '2',
    AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `http://${HOST}:${api}/execution/`,
    AIRFLOW__API__HOST: HOST,
    AIRFLOW__API__PORT: String(api),
    AIRFLOW__API__WORKERS: '1',
    AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT: String(triggerLog),
    AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT: String(workerLog),
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED: 'False',
    MILLRACE_DAG_POLL_SECONDS: '1',
    MILLRACE_DAG_RETRIES: '2',
    MILLRACE_DAG_RETRY_SECONDS: '3',
    PYTHONDONTWRITEBYTECODE: '1',
    no_proxy: `${HOST},localhost`,
  }
  return {
    start: (words, environment = {}) => startProcess(join(programs, 'airflow'), words, { ...usual, ...environment }),
    standalone: environment =>
      createDaemon({
        name: 'airflow',
        command: join(programs, 'airflow'),
        args: ['standalone'],
        folder,
        environment: { ...usual, ...environment },
        wholeTree: true,
        isReady: async () => true,
      }),
    async written() {
      const files = await readdir(folder, { recursive: true, withFileTypes: true })
      const texts = files
        .filter(file => file.isFile())
        .map(file => readFile(join(file.parentPath, file.name), 'latin1'))
      return (await Promise.all(texts)).join('\n')
    },
  }
}
