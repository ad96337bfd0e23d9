import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../harness/command.ts'
import { installPythonPackages } from '../../harness/installPython.ts'

export interface PythonClient {
  /** What the client printed. Rejects where it ends otherwise than with code 0: a gRPC status ends it with a traceback. */
  run(address: string, ...args: string[]): Promise<string>
  /** Removes the generated stubs. */
  dispose(): Promise<void>
}

const CALL_TIMEOUT_MILLIS = 60_000

/** lender_client.py with grpcio, and stubs that grpcio-tools makes of schema/lender.proto now. */
export async function pythonClient(): Promise<PythonClient> {
  const requirements = join(import.meta.dirname, 'requirements.txt')
  const python = await installPythonPackages(requirements, line => process.stderr.write(`${line}\n`))
  const stubs = await mkdtemp(join(tmpdir(), 'millrace-stubs-'))
  await runCommand(python, [
    '-m',
    'grpc_tools.protoc',
    `--proto_path=${join(import.meta.dirname, '../../schema')}`,
    `--python_out=${stubs}`,
    `--grpc_python_out=${stubs}`,
    'lender.proto',
  ])
  return {
    run: (address, ...args) =>
      runCommand(python, [join(import.meta.dirname, 'lender_client.py'), address, ...args], {
        environment: { PYTHONPATH: stubs, no_proxy: '127.0.0.1' },
        timeoutMillis: CALL_TIMEOUT_MILLIS,
      }),
    dispose: () => rm(stubs, { recursive: true }),
  }
}
