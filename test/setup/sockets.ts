import { readdir, readFile, readlink } from 'node:fs/promises'

/** One TCP socket of a process; addresses as "127.0.0.1:3306". */
export interface TcpSocket {
  local: string
  remote: string
  listening: boolean
}

/** The TCP sockets that a process holds now, from /proc. Those that the kernel still winds up on its own are none of them. */
export async function tcpSockets(pid: number): Promise<TcpSocket[]> {
  const folder = `/proc/${pid}/fd`
  const targets = await Promise.all((await readdir(folder)).map(fd => readlink(`${folder}/${fd}`).catch(() => '')))
  const own = new Set(targets.flatMap(target => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []))
  const tables = await Promise.all(['tcp', 'tcp6'].map(name => readFile(`/proc/${pid}/net/${name}`, 'utf8')))
  return tables
    .flatMap(table => table.trimEnd().split('\n').slice(1))
    .flatMap(line => {
      const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/)
      return own.has(inode) ? [{ local: readable(local), remote: readable(remote), listening: state === LISTEN }] : []
    })
}

const LISTEN = '0A'

/** "0100007F:0CEA" -> "127.0.0.1:3306": four-byte groups in the machine's order, which is little-endian. */
function readable(address: string): string {
  const [host = '', port = ''] = address.split(':')
  // An IPv4 address in the IPv6 table ends with it; any other is shown as it stands.
  const mapped = host.length === 32 && host.startsWith('0000000000000000FFFF0000') ? host.slice(24) : host
  if (mapped.length !== 8) return `[${host}]:${Number.parseInt(port, 16)}`
  const bytes = mapped.match(/../g)!.map(byte => Number.parseInt(byte, 16))
  return `${bytes.reverse().join('.')}:${Number.parseInt(port, 16)}`
}
