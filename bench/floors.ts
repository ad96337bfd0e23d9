import http from 'node:http'
import mysql from 'mysql2'
import { Agent, request } from 'undici'

/** The migration's rows, as the peers ask for them too. */
export const LOANS_SQL =
  'SELECT l.*, t.loan_type_name FROM loans l JOIN loan_types t ON l.loan_type_id = t.id' +
  ' WHERE l.loan_amount > 30000 AND l.loan_amount < 800000'

/** Takes all rows from the database and drops each. Returns seconds. */
export async function drain(sourceUrl: string): Promise<number> {
  const connection = mysql.createConnection(sourceUrl)
  const started = performance.now()
  try {
    await new Promise<void>((resolve, reject) => {
      connection
        .query({ sql: LOANS_SQL, rowsAsArray: true })
        .on('result', () => {})
        .on('error', reject)
        .on('end', resolve)
    })
    return (performance.now() - started) / 1000
  } finally {
    connection.destroy()
  }
}

const agent = new Agent()

/** OPEN at the NameNode and GET at the DataNode, over connections that are kept. Returns milliseconds. */
export async function bareRead(storageUrl: string, path: string, offset: number, length: number): Promise<number> {
  const started = performance.now()
  const opened = await request(`${webHdfs(storageUrl, path, 'OPEN')}&offset=${offset}&length=${length}`, {
    dispatcher: agent,
  })
  await opened.body.dump()
  const { statusCode, body } = await request(String(opened.headers.location), { dispatcher: agent })
  const bytes = await body.arrayBuffer()
  if (statusCode !== 200 || bytes.byteLength !== length) throw new Error(`OPEN ${path}: got ${statusCode}`)
  return performance.now() - started
}

/** CREATE at the NameNode and PUT at the DataNode, one replica. Returns milliseconds. */
export async function bareWrite(storageUrl: string, path: string, content: Uint8Array): Promise<number> {
  const started = performance.now()
  const url = `${webHdfs(storageUrl, path, 'CREATE')}&overwrite=true&replication=1&blocksize=1048576`
  const created = await request(url, { method: 'PUT', dispatcher: agent })
  await created.body.dump()
  const status = await new Promise<number | undefined>((resolve, reject) => {
    http
      .request(String(created.headers.location), { method: 'PUT' })
      .on('response', response => void response.resume().on('end', () => resolve(response.statusCode)))
      .on('error', reject)
      .end(content)
  })
  if (status !== 201) throw new Error(`CREATE ${path}: got ${status}`)
  return performance.now() - started
}

export function webHdfs(storageUrl: string, path: string, operation: string): string {
  const { host, username } = new URL(storageUrl.replace(/^webhdfs:/, 'http:'))
  return `http://${host}/webhdfs/v1${path}?op=${operation}&user.name=${username}`
}
