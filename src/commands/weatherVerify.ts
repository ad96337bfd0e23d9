import { VerifyWeatherDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { MillraceError } from '../errors.ts'
import { type Context, defineCommand } from './command.ts'
import { withWeather } from './weatherPorts.ts'
import { formatCount } from './words.ts'

export const weatherVerify = defineCommand({
  name: 'weather verify',
  summary: 'prove that every row of the source is in the files exactly once; 1 where it is not',
  inputs: {},
  async run(context) {
    const found = await verification(context)
    if (found.ok) return found
    throw new MillraceError('DATA_LOST', `${describeVerification(found)}\n${found.firstProblem ?? ''}`.trim(), {
      hint: 'While rows are on their way, verify again in a moment; "millrace weather partitions" shows how many wait in the log.',
    })
  },
  show: describeVerification,
})

type Verification = Awaited<ReturnType<typeof verification>>

async function verification(context: Context) {
  const client = await context.running()
  if (!client) return await withWeather(context, weather => weather.verify())
  const { signal } = context.terminal
  return present((await client.request(VerifyWeatherDocument, {}, { signal })).verifyWeather)
}

/** "1,240 rows in the source, 1,240 in the files: 0 missing, 0 doubled." */
export function describeVerification({ sourceRows, storedRows, missing, duplicated }: Verification): string {
  const [source, stored] = [formatCount(sourceRows), formatCount(storedRows)]
  return `${source} rows in the source, ${stored} in the files: ${formatCount(missing)} missing, ${formatCount(duplicated)} doubled.`
}
