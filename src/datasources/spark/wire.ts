/** The messages of schema/sparkConnect.proto, as the loader of .proto files gives and takes them. */

export interface SparkRelation {
  common?: { planId: number }
  sql?: { query: string; namedArguments: Record<string, { literal: SparkLiteral }> }
  read?: { dataSource: SparkDataSource }
}

export interface SparkDataSource {
  format: string
  schema?: string
  options: Record<string, string>
  paths: string[]
}

export interface SparkLiteral {
  null?: { null: object }
  boolean?: boolean
  /** A number, or digits. */
  long?: number | string
  double?: number
  string?: string
}

export interface SparkCommand {
  createDataframeView?: { input: SparkRelation; name: string; replace: boolean }
  writeOperation?: {
    input: SparkRelation
    source: string
    path: string
    mode: 'SAVE_MODE_ERROR_IF_EXISTS'
    /** Each of their values becomes a folder `name=value`; they are not in the files. */
    partitioningColumns?: readonly string[]
    options: Record<string, string>
  }
  sqlCommand?: { input: SparkRelation }
}

export interface SparkPlan {
  root?: SparkRelation
  command?: SparkCommand
}

/** One kind is there; those without a name here are none that ColumnType knows. */
export interface SparkDataType {
  kind?: string
  decimal?: { scale?: number; precision?: number }
  struct?: { fields: { name: string; dataType: SparkDataType }[] }
}

export interface ExecuteResponse {
  operationId: string
  responseId: string
  arrowBatch?: { rowCount: number; data: Uint8Array }
  resultComplete?: object
  executionProgress?: { stages?: { numTasks?: number; numCompletedTasks?: number }[] }
}

export interface ErrorDetails {
  rootErrorIdx?: number
  errors?: {
    errorTypeHierarchy?: string[]
    message?: string
    causeIdx?: number
    sparkThrowable?: {
      errorClass?: string
      sqlState?: string
      queryContexts?: { startIndex?: number; stopIndex?: number; fragment?: string }[]
    }
  }[]
}

/** What each unary method takes beside session, user and client, and what it answers. */
export interface UnaryMethods {
  AnalyzePlan: {
    request: { schema: { plan: SparkPlan } } | { sparkVersion: object }
    answer: { schema?: { schema: SparkDataType }; sparkVersion?: { version: string } }
  }
  Config: { request: { operation: { set: { pairs: { key: string; value: string }[] } } }; answer: object }
  Interrupt: {
    request: { interruptType: 'INTERRUPT_TYPE_OPERATION_ID'; operationId: string }
    answer: { interruptedIds?: string[] }
  }
  FetchErrorDetails: { request: { errorId: string }; answer: ErrorDetails }
  ReleaseExecute: {
    request: { operationId: string; releaseAll?: object; releaseUntil?: { responseId: string } }
    answer: object
  }
  ReleaseSession: { request: object; answer: object }
}

/** The same for the methods that answer with a stream of ExecuteResponse. */
export interface StreamMethods {
  ExecutePlan: {
    plan: SparkPlan
    operationId: string
    requestOptions: { reattachOptions: { reattachable: true } }[]
  }
  ReattachExecute: { operationId: string; lastResponseId?: string }
}
