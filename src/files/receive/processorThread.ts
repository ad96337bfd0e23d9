import { createReadStream } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { BlockToProcess, ProcessorBlock, ProcessorReply } from './processorBlock.ts'

// The thread in which a processor module runs: one that blocks, or never returns, is ended with its thread.
const port: MessagePort = parentPort!
const say = (reply: ProcessorReply) => port.postMessage(reply)
const messageOf = (error: unknown) => (error instanceof Error ? error.message || error.name : String(error))

const processBlock = await load()
if (processBlock) {
  port.on('message', (block: BlockToProcess) => void processOne(processBlock, block))
  say({ kind: 'ready' })
}

type ProcessBlock = (block: ProcessorBlock) => unknown

async function load(): Promise<ProcessBlock | undefined> {
  try {
    const module = (await import(pathToFileURL(String(workerData)).href)) as { process?: unknown }
    if (typeof module.process === 'function') return module.process as ProcessBlock
    say({ kind: 'unusable', message: 'it exports no function "process"' })
  } catch (error) {
    say({ kind: 'unusable', message: messageOf(error) })
  }
  return undefined
}

async function processOne(work: ProcessBlock, block: BlockToProcess): Promise<void> {
  try {
    await work({ ...block, open: () => createReadStream(block.path) })
    say({ kind: 'done' })
  } catch (error) {
    say({ kind: 'failed', message: messageOf(error) })
  }
}
