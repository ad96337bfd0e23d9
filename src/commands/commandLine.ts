import { readFileSync } from 'node:fs'
import { Command as CommanderCommand, CommanderError, InvalidArgumentError, Option } from 'commander'
import { readConfig, unknownVariables, withDotEnv } from '../config.ts'
import { MillraceError } from '../errors.ts'
import { analyze } from './analyze.ts'
import { blockLocations } from './blockLocations.ts'
import { calcAvgLoan } from './calcAvgLoan.ts'
import { cancel } from './cancel.ts'
import type { AnyCommand, Context } from './command.ts'
import { config } from './config.ts'
import { createConnection } from './connection.ts'
import { counties } from './counties.ts'
import { dataNodes } from './dataNodes.ts'
import { dbToHdfs } from './dbToHdfs.ts'
import { filesJoin } from './filesJoin.ts'
import { filesList } from './filesList.ts'
import { filesMonitor } from './filesMonitor.ts'
import { filesReceive } from './filesReceive.ts'
import { filesSend } from './filesSend.ts'
import { job } from './job.ts'
import { jobs } from './jobs.ts'
import { createProgressDisplay } from './progressDisplay.ts'
import { sampleCitizens } from './sampleCitizens.ts'
import { sampleCreate } from './sampleCreate.ts'
import { sampleLoad } from './sampleLoad.ts'
import { serve } from './serve.ts'
import { systems } from './systems.ts'
import { StoppedBySignal, type Terminal } from './terminal.ts'
import { warehouseBackfill } from './warehouseBackfill.ts'
import { warehouseIngest } from './warehouseIngest.ts'
import { warehousePlan } from './warehousePlan.ts'
import { warehouseRetry } from './warehouseRetry.ts'
import { warehouseRows } from './warehouseRows.ts'
import { warehouseRun } from './warehouseRun.ts'
import { warehouseRuns } from './warehouseRuns.ts'
import { warehouseTables } from './warehouseTables.ts'
import { weatherCompact } from './weatherCompact.ts'
import { weatherConsume } from './weatherConsume.ts'
import { weatherDebug } from './weatherDebug.ts'
import { weatherGenerate } from './weatherGenerate.ts'
import { weatherPartitions } from './weatherPartitions.ts'
import { weatherProduce } from './weatherProduce.ts'
import { weatherStart } from './weatherStart.ts'
import { weatherStop } from './weatherStop.ts'
import { weatherVerify } from './weatherVerify.ts'

const commands: AnyCommand[] = [
  serve,
  config,
  sampleCreate,
  sampleLoad,
  sampleCitizens,
  dbToHdfs,
  blockLocations,
  calcAvgLoan,
  counties,
  analyze,
  weatherGenerate,
  weatherProduce,
  weatherConsume,
  weatherDebug,
  weatherVerify,
  weatherCompact,
  weatherStart,
  weatherStop,
  weatherPartitions,
  filesMonitor,
  filesList,
  warehousePlan,
  warehouseRun,
  warehouseBackfill,
  warehouseRetry,
  warehouseIngest,
  warehouseTables,
  warehouseRows,
  warehouseRuns,
  filesSend,
  filesReceive,
  filesJoin,
  job,
  jobs,
  cancel,
  systems,
  dataNodes,
]

/**
 * Runs one command line and returns the exit code: 0, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C.
 *
 * The result goes to stdout. So does a failure, as `error: <message>`, because the original client did that and scripts
 * read it; its hint, warnings and progress go to stderr.
 */
export async function runCommandLine(parameters: string[], terminal: Terminal): Promise<number> {
  let exitCode = 0
  let usageExitCode = 2
  const program = createProgram(terminal)
  for (const command of commands) {
    const line = addCommand(program, command)
    if (command.usageExitCode !== undefined) {
      line.showHelpAfterError().exitOverride(error => {
        usageExitCode = command.usageExitCode ?? usageExitCode
        throw error
      })
    }
    line.action(async () => {
      exitCode = await runCommand(command, valuesOf(command, line), terminal, line.opts<CommonOptions>())
    })
  }
  try {
    await program.parseAsync(parameters, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode
    throw error
  }
}

interface CommonOptions {
  json: boolean
  url?: string
}

function createProgram({ stdout, stderr }: Terminal): CommanderCommand {
  return new CommanderCommand('millrace')
    .description('Copies tables to HDFS as Parquet, and answers what is in them.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(add --help to see what is expected)')
    .configureOutput({
      writeOut: text => stdout.write(text),
      writeErr: text => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
    })
}

function addCommand(program: CommanderCommand, { name, summary, inputs, alone }: AnyCommand): CommanderCommand {
  const words = name.split(' ')
  const line = groupOf(program, words.slice(0, -1)).command(words.at(-1)!).description(summary)
  for (const { commander } of Object.values(inputs)) {
    if (commander instanceof Option) line.addOption(commander)
    else line.addArgument(commander)
  }
  line.option('--json', 'print the result as JSON', false)
  if (alone) return line
  return line.addOption(
    new Option('--url <url>', 'the server to ask (default: the one that runs here)').argParser(serverUrl),
  )
}

/** The command that "sample create" and "sample load" share. */
function groupOf(program: CommanderCommand, words: string[]): CommanderCommand {
  return words.reduce((parent, word) => {
    const known = parent.commands.find(command => command.name() === word)
    return known ?? parent.command(word).description(`commands about the ${word}`)
  }, program)
}

function valuesOf({ inputs }: AnyCommand, line: CommanderCommand): Record<string, unknown> {
  const options = line.opts<Record<string, unknown>>()
  const positions: unknown[] = [...line.processedArgs]
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { commander }]) => [
      name,
      commander instanceof Option ? options[commander.attributeName()] : positions.shift(),
    ]),
  )
}

async function runCommand(
  command: AnyCommand,
  values: Record<string, unknown>,
  terminal: Terminal,
  { json, url }: CommonOptions,
): Promise<number> {
  const { stdout, stderr, signal } = terminal
  const environment = () => withDotEnv(terminal.environment, terminal.folder)
  const config = () => readConfig(environment())
  const portIsSet = () => Boolean(environment().MILLRACE_PORT)
  const connection = createConnection({ url, config, portIsSet, stderr, signal })
  const context: Context = {
    terminal,
    json,
    config,
    connect: () => connection.client(),
    running: () => connection.running(),
    request: async (operation, variables) => (await connection.client()).request(operation, variables, { signal }),
    progress: title => createProgressDisplay(title, stderr),
  }
  for (const warning of unknownVariables(environment())) stderr.write(`warning: ${warning}\n`)
  try {
    const { result, text } = await command.run(context, values)
    if (!json && text !== undefined) stdout.write(`${text}\n`)
    else if (json && result !== undefined) stdout.write(`${JSON.stringify(result)}\n`)
    return 0
  } catch (error) {
    if (error instanceof StoppedBySignal) return error.exitCode
    showFailure(error, terminal, json)
    return 1
  } finally {
    await connection.close()
  }
}

function showFailure(error: unknown, { stdout, stderr }: Terminal, json: boolean): void {
  const { code, message, hint } =
    error instanceof MillraceError ? error : { code: 'INTERNAL', message: 'Millrace has a fault.', hint: undefined }
  if (json) stdout.write(`${JSON.stringify({ error: { code, message, hint: hint ?? null } })}\n`)
  else stdout.write(`error: ${message}\n`)
  if (hint !== undefined && !json) stderr.write(`hint: ${hint}\n`)
  if (!(error instanceof MillraceError)) stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
}

function serverUrl(value: string): string {
  const protocol = URL.parse(value)?.protocol
  if (protocol === 'http:' || protocol === 'https:') return value
  throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:4000.')
}

function version(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}
