import { setFlagsFromString } from 'node:v8'
import { collectGarbage } from '../datasources/collectGarbage.ts'

/**
 * For a process that takes and drops megabytes of buffers beside a heap of some 20 MB; call it when its modules are loaded.
 *
 * Loading them leaves the space for young objects at its largest: 35 MB that are given back here. And garbage is marked in one go from now on. V8 begins to
 * mark in steps with every ten megabytes of buffers, which took 40 % of the processor time of sending a file; in one go it takes 10 ms, a third as often. Not for a
 * server, whose heap is large and who must answer meanwhile.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--no-incremental-marking')
  collectGarbage({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** The most that glibc learns from; see keepFreedMemory(). */
const LARGEST_LESSON_BYTES = 31 * 1024 * 1024

/**
 * As keepHeapSmall(), for a process through which gigabytes go in buffers of a megabyte; see also freeingEarly(). The heap may grow to the double before all
 * of it is marked again: code that is compiled and what little else is added would else have it marked every 50 MB of a file, in 50 ms of the processor.
 */
export function expectLargeBuffers(): void {
  setFlagsFromString('--heap-growing-percent=100')
  keepFreedMemory()
  keepHeapSmall()
}

/**
 * Has glibc keep up to 62 MB of memory that is freed. Unless told otherwise by the environment it gives back to the system whatever is more than 128 kB, and each
 * buffer's pages are asked for and cleared anew, which took a third of the system time of sending a file. Its limit is twice the largest piece that was ever
 * mapped by itself and freed (mallopt(3), M_MMAP_THRESHOLD): this one, which is never touched and takes no memory. Other systems do not care.
 */
function keepFreedMemory(): void {
  Buffer.allocUnsafeSlow(LARGEST_LESSON_BYTES)
}

/**
 * As keepHeapSmall(), for a process that takes and drops many small objects: lets the heap grow by half of what is in use before the next collection, where V8
 * would let it grow to the fourfold. A million rows through a sink then take 280 MB instead of 470, and a quarter more processor time.
 */
export function collectEarly(): void {
  setFlagsFromString('--heap-growing-percent=50')
  keepHeapSmall()
}
