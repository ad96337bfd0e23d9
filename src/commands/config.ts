import { describeConfig } from '../config.ts'
import { defineCommand } from './command.ts'

export const config = defineCommand({
  name: 'config',
  summary: 'every MILLRACE_ variable with the value in force, without secrets',
  inputs: {},
  run: async ({ config }) => describeConfig(config()),
  show: settings => settings.map(({ name, value, description }) => `# ${description}\n${name}=${value}`).join('\n\n'),
})
