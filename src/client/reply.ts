import { ERROR_CODES, type ErrorCode, MillraceError } from '../errors.ts'

/** What a server sends for an operation, over HTTP and WebSocket alike. */
export interface GraphqlReply<Result> {
  data?: Result | null | undefined
  errors?: readonly GraphqlError[] | undefined
  extensions?: unknown
}

export interface GraphqlError {
  message: string
  extensions?: { [name: string]: unknown } | undefined
}

/** The data, or the first of the errors as the MillraceError it was on the server. */
export function dataOf<Result>({ data, errors }: GraphqlReply<Result>): Result {
  if (errors?.[0]) throw errorOf(errors[0])
  if (data === null || data === undefined) {
    throw new MillraceError('INTERNAL', 'Expected data or errors in the GraphQL reply, but there is neither.')
  }
  return data
}

export function errorOf({ message, extensions }: GraphqlError): MillraceError {
  const hint = typeof extensions?.hint === 'string' ? { hint: extensions.hint } : {}
  return new MillraceError(errorCodeOf(extensions?.code), message, hint)
}

/** What the user should know although the answer is right. */
export function warningsOf({ extensions }: GraphqlReply<unknown>): string[] {
  if (typeof extensions !== 'object' || extensions === null || !('warnings' in extensions)) return []
  const { warnings } = extensions
  return Array.isArray(warnings) ? warnings.filter(warning => typeof warning === 'string') : []
}

export function isGraphqlReply(value: unknown): value is GraphqlReply<never> {
  if (typeof value !== 'object' || value === null) return false
  return 'data' in value || ('errors' in value && areGraphqlErrors(value.errors))
}

export function areGraphqlErrors(value: unknown): value is GraphqlError[] {
  return Array.isArray(value) && value.every(error => typeof error === 'object' && error !== null && 'message' in error)
}

/** A root field is null only beside an error, and that has been thrown already. */
export function present<Value>(value: Value | null): Value {
  if (value === null)
    throw new MillraceError('INTERNAL', 'Expected an answer or an error from the server, but it gave null.')
  return value
}

/** The code as this client knows it: a server may know others. */
export function errorCodeOf(code: unknown): ErrorCode {
  return ERROR_CODES.find(known => known === code) ?? 'INTERNAL'
}
