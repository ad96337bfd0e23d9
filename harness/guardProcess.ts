import { once } from 'node:events'
import { attachCluster } from './cluster.ts'

// See guard.ts. Nothing is ever written to the pipe; it ends with the process that holds the other side.
process.stdin.resume()
await once(process.stdin, 'close')
const cluster = await attachCluster(process.argv[2]!)
await cluster?.destroy()
