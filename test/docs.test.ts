import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '../src/settings.ts'

test('docs/operating.md has every variable, with its default and what it does', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/operating.md'), 'utf8')
  const lines = page.split('\n').filter(line => line.startsWith('| MILLRACE_'))
  expect(lines).toEqual(
    Object.entries(SETTINGS).map(
      ([name, { fallback, description }]) => `| ${name} | ${fallback || 'unset'} | ${description} |`,
    ),
  )
})
