import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const schema = buildSchema(readFileSync(join(ROOT, 'schema/schema.graphql'), 'utf8'))
const client = readFileSync(join(ROOT, 'docker/airflow/dags/millrace_client.py'), 'utf8')

/** INGEST = f"mutation(...) {{ job: ... {{ {JOB_FIELDS} }} }}" */
const fields = /^JOB_FIELDS = "(.*)"$/m.exec(client)![1]!
const documents = [...client.matchAll(/^([A-Z]+) = f"(.*)"$/gm)].map(([, name, text]) => [
  name!,
  text!.replaceAll('{JOB_FIELDS}', fields).replaceAll('{{', '{').replaceAll('}}', '}'),
])

test('has the three documents', () => {
  expect(documents.map(([name]) => name)).toEqual(['INGEST', 'RUN', 'JOB'])
})

test.each(documents)('%s is one that the schema answers', (_, text) => {
  expect(validate(schema, parse(text!)).map(({ message }) => message)).toEqual([])
})
