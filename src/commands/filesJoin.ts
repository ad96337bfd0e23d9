import { resolve } from 'node:path'
import { Argument } from 'commander'
import { counted } from '../files/words.ts'
import { defineCommand, type Input, optional, required, text } from './command.ts'

export const filesJoin = defineCommand({
  name: 'files join',
  summary: 'put a file together from the blocks of one or more receivers, and check it',
  alone: true,
  inputs: {
    folders: machineFolders(),
    output: required('--output <file>', 'where the file goes; what is there is replaced', text),
    file: optional('--file <name>', 'which one, where the folders have blocks of several', text),
  },
  async run({ terminal }, { folders, output, file }) {
    const { joinFile } = await import('../files/join/joinFile.ts')
    const { folder, signal } = terminal
    const places = folders.map(place => resolve(folder, place))
    return await joinFile({ folders: places, output: resolve(folder, output), file, signal })
  },
  show: ({ file, output, bytes, blocks, sha256 }) =>
    `${output}: ${counted(bytes, 'byte')} of ${JSON.stringify(file)} from ${counted(blocks, 'block')}, SHA-256 ${sha256}`,
})

function machineFolders(): Input<string[]> {
  return { commander: new Argument('<folders...>', "the receivers' folders, such as processed_data_machine1") }
}
