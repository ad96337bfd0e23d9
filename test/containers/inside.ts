import type { Stack } from './stack.ts'

/** Programs for the server's container, given to its Node on standard input. They use the packages that are in the image. */

/** The average loan of each county as the database itself has it, rounded down. */
export async function averagesBySql(stack: Stack): Promise<Map<number, number>> {
  const pairs = await runProgram<[number, string][]>(
    stack,
    `import { createConnection } from 'mysql2/promise'
    const connection = await createConnection(process.env.MILLRACE_SOURCE_URL)
    const [rows] = await connection.query({ rowsAsArray: true, sql: \`
      SELECT county_code, CAST(FLOOR(AVG(loan_amount)) AS CHAR) FROM loans JOIN loan_types ON loans.loan_type_id = loan_types.id
      WHERE loan_amount > 30000 AND loan_amount < 800000 AND county_code IS NOT NULL GROUP BY county_code\` })
    await connection.end()
    console.log(JSON.stringify(rows))`,
  )
  return new Map(pairs.map(([county, average]) => [county, Number(average)]))
}

/** What the gRPC service answers a client of the original system. */
export function averageByGrpc(stack: Stack, countyCode: number): Promise<{ avg_loan: number; source: string }> {
  return runProgram(
    stack,
    `import grpc from '@grpc/grpc-js'
    import { load } from '@grpc/proto-loader'
    const { Lender } = grpc.loadPackageDefinition(await load('schema/lender.proto', { keepCase: true, defaults: true }))
    const client = new Lender('127.0.0.1:' + process.env.MILLRACE_GRPC_PORT, grpc.credentials.createInsecure())
    client.CalcAvgLoan({ county_code: ${countyCode} }, { deadline: Date.now() + 30_000 }, (error, answer) => {
      if (error) throw error
      console.log(JSON.stringify(answer))
      client.close()
    })`,
  )
}

/** Bytes of memory that the server's container uses, without the files that the kernel keeps cached for it. */
export async function memoryUse(stack: Stack): Promise<number> {
  // The files of cgroup 2, else those of cgroup 1. No Node here: it would count itself.
  const either = (second: string, first: string) =>
    stack.inServer(['sh', '-c', `cat /sys/fs/cgroup/${second} 2>/dev/null || cat /sys/fs/cgroup/memory/${first}`])
  const used = Number(await either('memory.current', 'memory.usage_in_bytes'))
  const files = /^(?:file|total_cache) (\d+)$/m.exec(await either('memory.stat', 'memory.stat'))?.[1]
  if (!(used > 0) || files === undefined) throw new Error('expected the memory figures of the control group, got none')
  return used - Number(files)
}

async function runProgram<Result>(stack: Stack, program: string): Promise<Result> {
  return JSON.parse(await stack.inServer(['node', '--input-type=module', '-'], program)) as Result
}
