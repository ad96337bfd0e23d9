import { type ErrorCode, MillraceError } from '../../errors.ts'
import { counted } from '../words.ts'
import type { SendResult } from './sender.ts'

/**
 * What a run has done, in a sentence: "Sent 2 files in 5 blocks, 4 of them now."
 *
 * @param acknowledged Whether the run waited for that.
 *
 * Throws where a file was not sent or a block has failed, with the code of the first; the message names it.
 */
export function sendOutcome({ files, leftOut }: SendResult, acknowledged: boolean): string {
  const problems = [
    ...files.flatMap(({ file, problem }) => (problem ? [{ file, ...problem }] : [])),
    ...leftOut.flatMap(({ name, reason, isFailure }) =>
      isFailure ? [{ file: name, code: 'BAD_USER_INPUT' as ErrorCode, message: `It was left out: ${reason}.` }] : [],
    ),
  ]
  const [first] = problems
  if (first) {
    const among = counted(files.length + leftOut.filter(({ isFailure }) => isFailure).length, 'file')
    throw new MillraceError(first.code, `${problems.length} of ${among} failed. ${first.file}: ${first.message}`, {
      hint: 'Send the folder again when that is put right: what is acknowledged is not sent again.',
    })
  }
  const blocks = files.reduce((sum, file) => sum + file.blocks, 0)
  const sends = files.reduce((sum, file) => sum + file.sends, 0)
  const did = acknowledged ? 'Sent and got acknowledged' : 'Sent'
  const now = sends === blocks ? '' : `, ${sends} of them now`
  const links = leftOut.length === 0 ? '' : ` Left out: ${counted(leftOut.length, 'link or special file')}.`
  return `${did} ${counted(files.length, 'file')} in ${counted(blocks, 'block')}${now}.${links}`
}
