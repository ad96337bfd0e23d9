import { fileURLToPath } from 'node:url'
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogger,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { Logger } from 'pino'
import { cannotListen } from '../cannotListen.ts'
import { createLender, type LenderDomains } from './lender.ts'

export interface LenderServer {
  /** Returns "host:port". CONFLICT or BAD_USER_INPUT where the port or the host cannot be had. */
  listen(): Promise<string>
  /** Takes nothing new, waits for the calls under way as long as the grace lasts, and cuts off the rest. */
  close(): Promise<void>
}

export interface LenderServerOptions {
  domains: LenderDomains
  host: string
  /** 0: any free port. */
  port: number
  /** A larger message is refused by gRPC itself (RESOURCE_EXHAUSTED). */
  maxMessageBytes: number
  stopGraceMillis: number
  log: Logger
}

const PROTO_FILE = fileURLToPath(new URL('../../schema/lender.proto', import.meta.url))
const MAX_CALLS_PER_CONNECTION = 100
/** A client that does not answer a ping is gone; what it asked for goes on. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 60_000, 'grpc.keepalive_timeout_ms': 20_000 }

/** The service of schema/lender.proto over HTTP/2 without TLS. Calls have no deadline but the client's: DbToHdfs takes as long as it takes. */
export function createLenderServer({ domains, host, port, log, ...options }: LenderServerOptions): LenderServer {
  // Else it writes to the console.
  setLogger({
    error: (message: string) => log.warn(message),
    info: (message: string) => log.info(message),
    debug: (message: string) => log.debug(message),
  })
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_concurrent_streams': MAX_CALLS_PER_CONNECTION,
    ...KEEPALIVE,
  })
  const lender = createLender(domains, log)
  const { Lender } = loadSync(PROTO_FILE, { defaults: true })
  const implementation: UntypedServiceImplementation = {
    DbToHdfs: unary(lender.dbToHdfs),
    BlockLocations: unary(lender.blockLocations),
    CalcAvgLoan: unary(lender.calcAvgLoan),
  }
  server.addService(Lender as ServiceDefinition, implementation)

  return {
    async listen() {
      const name = host.includes(':') ? `[${host}]` : host
      return new Promise((resolve, reject) => {
        server.bindAsync(`${name}:${port}`, ServerCredentials.createInsecure(), (error, boundPort) => {
          if (error) reject(cannotListen({ host, port, variable: 'MILLRACE_GRPC_PORT' }, error))
          else resolve(`${name}:${boundPort}`)
        })
      })
    },
    async close() {
      const ended = new Promise<void>(resolve => server.tryShutdown(() => resolve()))
      const cutOff = setTimeout(() => server.forceShutdown(), options.stopGraceMillis)
      await ended
      clearTimeout(cutOff)
    },
  }
}

function unary<Request, Response>(answer: (request: Request) => Promise<Response>): handleUnaryCall<Request, Response> {
  return ({ request }, callback) => {
    answer(request).then(response => callback(null, response), callback)
  }
}
