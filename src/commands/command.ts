import { Argument, InvalidArgumentError, Option } from 'commander'
import type { Client } from '../client/client.ts'
import type { TypedDocumentString } from '../client/generated/graphql.ts'
import type { Config } from '../config.ts'
import type { ProgressDisplay } from './progressDisplay.ts'
import type { Terminal } from './terminal.ts'

/**
 * One command. They all have this shape: what it takes, what it does, and how its result looks. The result is also what
 * --json prints, so it holds what a program wants to know, in stable names.
 */
export interface Command<Inputs extends InputMap, Result> {
  /** "counties", or two words for one of a group: "sample load". */
  name: string
  summary: string
  inputs: Inputs
  run: (context: Context, inputs: InputValues<Inputs>) => Promise<Result>
  /** The result for people, without the last line end; undefined where there is nothing to say. */
  show: (result: Result) => string | undefined
  /** What wrong usage exits with, after the usage was printed. Where it is left out: 2, after a pointer to --help. */
  usageExitCode?: number
  /** Works in its own process, whatever server runs. */
  alone?: boolean
}

/** What a command may use while it runs. */
export interface Context {
  readonly terminal: Terminal
  /** Whether stdout is for a program. */
  readonly json: boolean
  /** The checked environment; BAD_USER_INPUT where it is wrong. */
  readonly config: () => Config
  /** The typed client of the server that --url names, else of the one that runs, else of one started for this command. */
  readonly connect: () => Promise<Client>
  /** As connect, but undefined where no server was named and none runs. */
  readonly running: () => Promise<Client | undefined>
  /** One request with that client; Ctrl-C ends it. */
  readonly request: <Result, Variables>(
    operation: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ) => Promise<Result>
  /** Shows how far long work has come, on stderr: a bar on a terminal, lines elsewhere. */
  readonly progress: (title: string) => ProgressDisplay
}

/** An option ("-c, --code <county>") or an argument ("<id>", "[id]") of a command. */
export interface Input<Value> {
  commander: Option | Argument
  /** Never there: it carries the type. */
  value?: Value
}

export type InputMap = Record<string, Input<unknown>>
export type InputValues<Inputs extends InputMap> = {
  [Name in keyof Inputs]: Inputs[Name] extends Input<infer Value> ? Value : never
}

/** A command without its types, as the command line needs it. */
export interface AnyCommand {
  name: string
  summary: string
  inputs: InputMap
  usageExitCode?: number
  alone?: boolean
  /** The values have been parsed by the inputs. */
  run(context: Context, values: Record<string, unknown>): Promise<{ result: unknown; text: string | undefined }>
}

export function defineCommand<const Inputs extends InputMap, Result>({
  run,
  show,
  ...command
}: Command<Inputs, Result>): AnyCommand {
  return {
    ...command,
    async run(context, values) {
      const result = await run(context, values as InputValues<Inputs>)
      return { result, text: show(result) }
    },
  }
}

export function argument(name: string, description: string): Input<string> {
  return { commander: new Argument(name, description) }
}

export function parsedArgument<Value>(name: string, description: string, parse: (text: string) => Value): Input<Value> {
  return { commander: new Argument(name, description).argParser(parse) }
}

export function flag(flags: string, description: string): Input<boolean> {
  return { commander: new Option(flags, description).default(false) }
}

/** An option that must be given. */
export function required<Value>(flags: string, description: string, parse: (text: string) => Value): Input<Value> {
  return { commander: new Option(flags, description).argParser(parse).makeOptionMandatory() }
}

export function optional<Value>(
  flags: string,
  description: string,
  parse: (text: string) => Value,
): Input<Value | undefined> {
  return { commander: new Option(flags, description).argParser(parse) }
}

/** An option that is taken as `text` where it is not given. */
export function withDefault<Value>(
  flags: string,
  description: string,
  parse: (text: string) => Value,
  text: string,
): Input<Value> {
  return { commander: new Option(flags, description).argParser(parse).default(parse(text), text) }
}

export function text(value: string): string {
  return value
}

export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(value)
}

/** "2026-11-20", a day that the calendar has. */
export function calendarDate(value: string): string {
  const millis = Date.parse(`${value}T00:00:00Z`)
  if (/^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(millis)) {
    if (new Date(millis).toISOString().startsWith(value)) return value
  }
  throw new InvalidArgumentError('Expected a date such as 2026-11-20.')
}

/** "a,b,c"; spaces around a part and repeated parts do not count. */
export function listOf<Value>(parse: (text: string) => Value): (value: string) => Value[] {
  return value => [...new Set(value.split(',').map(part => parse(part.trim())))]
}

export function oneOf<const Word extends string>(words: readonly Word[]): (value: string) => Word {
  return value => {
    const word = words.find(known => known === value.toUpperCase())
    if (word === undefined) throw new InvalidArgumentError(`Expected one of ${words.join(', ')}.`)
    return word
  }
}
