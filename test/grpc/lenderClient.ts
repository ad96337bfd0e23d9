import { join } from 'node:path'
import {
  type ClientUnaryCall,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface Answers {
  DbToHdfs: { status: string }
  BlockLocations: { block_entries: Record<string, number>; error: string }
  CalcAvgLoan: { avg_loan: number; source: string; error: string }
}

/** A client as other languages have it: the names of the .proto file, and every field there. */
export interface LenderClient {
  /** Rejects with the gRPC status where it is not OK. */
  ask<Method extends keyof Answers>(method: Method, request: object): Promise<Answers[Method]>
  /** A call that nobody waits for, to cancel. */
  start(method: keyof Answers, request: object): ClientUnaryCall
  close(): void
}

type Call = (request: object, callback: (error: ServiceError | null, answer: unknown) => void) => ClientUnaryCall

const PROTO_FILE = join(import.meta.dirname, '../../schema/lender.proto')

export function lenderClient(address: string): LenderClient {
  const { Lender } = loadPackageDefinition(loadSync(PROTO_FILE, { keepCase: true, defaults: true }))
  const client = new (Lender as ServiceClientConstructor)(address, credentials.createInsecure(), {
    'grpc.enable_http_proxy': 0,
  })
  const start = (method: keyof Answers, request: object, callback: Parameters<Call>[1]) =>
    (client[method] as Call).call(client, request, callback)
  return {
    ask: <Method extends keyof Answers>(method: Method, request: object) =>
      new Promise<Answers[Method]>((resolve, reject) => {
        start(method, request, (error, answer) => (error ? reject(error) : resolve(answer as Answers[Method])))
      }),
    start: (method, request) => start(method, request, () => {}),
    close: () => client.close(),
  }
}
