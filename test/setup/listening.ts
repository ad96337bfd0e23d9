import { tcpSockets } from './sockets.ts'

/** The addresses ("127.0.0.1:3306") on which a process takes TCP connections. */
export async function listeningAddresses(pid: number): Promise<string[]> {
  return (await tcpSockets(pid)).flatMap(({ local, listening }) => (listening ? [local] : []))
}
