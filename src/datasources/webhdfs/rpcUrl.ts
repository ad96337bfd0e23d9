import { request } from 'undici'
import { MillraceError } from '../../errors.ts'
import type { Call } from '../call.ts'
import { formatWebHdfsUrl, type WebHdfsAddress } from './url.ts'

const ANSWER_MILLIS = 3_000
const STATUS = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus'

interface NameNodeStatus {
  beans?: { State?: string; HostAndPort?: string }[]
}

/**
 * The root of a WebHDFS storage as Hadoop's own clients name it, "hdfs://host:port/folder", asked of the NameNode that is active.
 * UNAVAILABLE where none answers.
 */
export async function askRpcUrl(address: WebHdfsAddress, { signal }: Call): Promise<string> {
  const failures: unknown[] = []
  for (const nameNode of address.nameNodes) {
    try {
      const late = AbortSignal.timeout(ANSWER_MILLIS)
      const { body } = await request(`http://${nameNode}${STATUS}`, {
        signal: signal ? AbortSignal.any([signal, late]) : late,
      })
      const [status] = ((await body.json()) as NameNodeStatus).beans ?? []
      if (status?.HostAndPort && status.State === 'active')
        return `hdfs://${status.HostAndPort}${address.root.replace(/\/$/, '')}`
      failures.push(new Error(`${nameNode} is ${status?.State ?? 'no NameNode'}`))
    } catch (error) {
      signal?.throwIfAborted()
      failures.push(error)
    }
  }
  throw new MillraceError('UNAVAILABLE', `No NameNode of ${formatWebHdfsUrl(address)} says how Spark can reach it.`, {
    hint: 'Check that the NameNode runs, or set MILLRACE_ENGINE_STORAGE_URL=hdfs://namenode:9000.',
    cause: new AggregateError(failures),
  })
}
