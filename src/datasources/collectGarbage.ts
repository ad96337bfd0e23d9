import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Node gives no other way to it than this flag, which may be set while running.
setFlagsFromString('--expose-gc')

/**
 * Frees what is garbage now; costs some 20 ms. For native memory that V8 does not count, and so sees no hurry to free, although its
 * owner is a small JavaScript object that nobody refers to any more.
 */
export const collectGarbage = runInNewContext('gc') as NodeJS.GCFunction
