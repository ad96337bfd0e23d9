import { stripVTControlCharacters, styleText } from 'node:util'
import type { FileTransfer, Machine } from '../files/files.ts'
import type { Overview, Problem } from '../files/track/overview.ts'
import { IDLE_REPORT_MILLIS } from '../files/wire/status.ts'
import { formatRuledTable } from './table.ts'
import { formatBytes, formatCount, formatDuration } from './words.ts'

/** How text is shown on a terminal with colours, or without. */
export type Paint = (style: 'green' | 'red' | 'yellow' | 'dim' | 'bold', text: string) => string

export const plain: Paint = (_style, text) => text
export const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false })

export interface OverviewLook {
  paint: Paint
  /** Files and machines shown at most, each; the rest is counted. */
  rows: number
}

const BAR_COLUMNS = 8
const MOST_NAME_COLUMNS = 20
const MOST_PROBLEMS = 5
const MOST_MESSAGE_COLUMNS = 160
/** What has ended is worth a look for so long. */
const RECENT_MILLIS = 600_000
/** Also the idle report more often. */
const UNHEARD_MILLIS = IDLE_REPORT_MILLIS + 1_500
const HOUR_MILLIS = 3_600_000

/** What the monitor draws: a table of files, one of machines, and what is wrong. */
export function formatOverview(overview: Overview, look: OverviewLook): string {
  const { at, transfers, machines, problems, unreadable } = overview
  const nowMillis = at.getTime()
  const shownTransfers = transfers.filter(
    ({ state, updatedAt }) => isUnderWay(state) || nowMillis - updatedAt.getTime() <= RECENT_MILLIS,
  )
  const shownMachines = machines.filter(({ alive, lastSeen }) => alive || nowMillis - lastSeen.getTime() <= HOUR_MILLIS)
  return [
    look.paint('bold', headline(overview)),
    formatTransfers(shownTransfers, look),
    '',
    formatMachines(shownMachines, nowMillis, look),
    ...formatProblems(problems, look),
    ...(unreadable > 0 ? [look.paint('dim', `${formatCount(unreadable)} records could not be read.`)] : []),
  ].join('\n')
}

export function formatTransfers(transfers: readonly FileTransfer[], look: OverviewLook): string {
  if (transfers.length === 0) return look.paint('dim', 'no files on their way')
  const shown = transfers.toSorted((one, other) => Number(isUnderWay(other.state)) - Number(isUnderWay(one.state)))
  const rows = shown.slice(0, look.rows).map(transfer => transferRow(transfer, look.paint))
  const heads = ['FILE', 'ACKNOWLEDGED', 'SENT', 'FAILED', 'SPEED', 'ETA']
  const table = formatRuledTable(heads, rows, ['left', 'left', 'right', 'right', 'right', 'right'])
  return table + more(shown.length - rows.length, look)
}

export function formatMachines(machines: readonly Machine[], nowMillis: number, look: OverviewLook): string {
  if (machines.length === 0) return look.paint('dim', 'no machines')
  const shown = machines.toSorted((one, other) => one.role.localeCompare(other.role) || one.id.localeCompare(other.id))
  const rows = shown.slice(0, look.rows).map(machine => machineRow(machine, nowMillis, look.paint))
  const heads = ['MACHINE', 'ROLE', 'STATE', 'BLOCKS', 'BYTES', 'FAILURES', 'SPEED']
  const table = formatRuledTable(heads, rows, ['left', 'left', 'left', 'right', 'right', 'right', 'right'])
  return table + more(shown.length - rows.length, look)
}

/** Text of other machines, without what a terminal would obey, on one line. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
}

function headline({ at, transfers, machines }: Overview): string {
  const underWay = transfers.filter(({ state }) => isUnderWay(state))
  const speed = underWay.reduce((sum, { bytesPerSecond }) => sum + (bytesPerSecond ?? 0), 0)
  const complete = transfers.filter(({ state }) => state === 'COMPLETE').length
  const alive = machines.filter(machine => machine.alive).length
  const counts = [
    `${formatCount(underWay.length)} under way`,
    `${formatCount(complete)} complete`,
    `${formatCount(transfers.length - underWay.length - complete)} failed`,
    `${formatCount(alive)} of ${formatCount(machines.length)} machines alive`,
  ]
  return `${at.toISOString().slice(11, 19)}  ${counts.join(', ')}${speed > 0 ? `, ${formatBytes(speed)}/s` : ''}`
}

function transferRow(transfer: FileTransfer, paint: Paint): string[] {
  const { file, state, blocks, sent, acknowledged, failed, bytesPerSecond } = transfer
  const share = state === 'COMPLETE' ? 1 : acknowledged / blocks
  const full = Math.floor(share * BAR_COLUMNS)
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_COLUMNS - full)}`
  return [
    shortened(harmless(file), MOST_NAME_COLUMNS),
    `${paint(state === 'COMPLETE' ? 'green' : state === 'FAILED' ? 'red' : 'yellow', bar)} ${formatCount(acknowledged)}/${formatCount(blocks)}`,
    formatCount(sent),
    failed > 0 ? paint('red', formatCount(failed)) : '0',
    bytesPerSecond === null ? '' : `${formatBytes(bytesPerSecond)}/s`,
    etaOf(transfer),
  ]
}

function etaOf({ state, etaSeconds }: FileTransfer): string {
  if (state === 'COMPLETE') return 'done'
  if (state === 'FAILED') return 'failed'
  return etaSeconds === null ? '' : formatDuration(etaSeconds)
}

function machineRow(machine: Machine, nowMillis: number, paint: Paint): string[] {
  const { id, role, blocksProcessed, bytesProcessed, failures, bytesPerSecond } = machine
  return [
    shortened(harmless(id), MOST_NAME_COLUMNS),
    role,
    lifeOf(machine, nowMillis, paint),
    formatCount(blocksProcessed),
    formatBytes(bytesProcessed),
    failures > 0 ? paint('red', formatCount(failures)) : '0',
    bytesPerSecond === null ? '' : `${formatBytes(bytesPerSecond)}/s`,
  ]
}

function lifeOf({ state, alive, lastSeen }: Machine, nowMillis: number, paint: Paint): string {
  if (state === 'STOPPED') return paint('dim', 'stopped')
  if (!alive) return paint('red', `silent for ${formatDuration((nowMillis - lastSeen.getTime()) / 1_000)}`)
  const silentMillis = nowMillis - lastSeen.getTime()
  if (silentMillis > UNHEARD_MILLIS) return paint('yellow', `not heard for ${formatDuration(silentMillis / 1_000)}`)
  return paint(state === 'PAUSED' ? 'yellow' : 'green', `alive, ${state.toLowerCase()}`)
}

function formatProblems(problems: readonly Problem[], look: OverviewLook): string[] {
  const lines = problems
    .slice(0, MOST_PROBLEMS)
    .map(({ message }) => look.paint('red', `! ${shortened(harmless(message), MOST_MESSAGE_COLUMNS)}`))
  const left = problems.length - lines.length
  return left > 0 ? [...lines, look.paint('red', `! and ${formatCount(left)} more`)] : lines
}

function more(left: number, { paint }: OverviewLook): string {
  return left > 0 ? `\n${paint('dim', `and ${formatCount(left)} more`)}` : ''
}

function isUnderWay(state: FileTransfer['state']): boolean {
  return state === 'SENDING' || state === 'WAITING'
}

/** "the-beginning…the-end.bin": both ends of a path say something. */
function shortened(text: string, most: number): string {
  const characters = Array.from(text)
  if (characters.length <= most) return text
  const head = Math.floor((most - 1) / 3)
  return `${characters.slice(0, head).join('')}…${characters.slice(head + 1 - most).join('')}`
}
