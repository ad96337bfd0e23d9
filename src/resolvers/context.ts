import type { Files } from '../files/files.ts'
import type { Jobs } from '../jobs/job.ts'
import type { Loans } from '../loans/loans.ts'
import type { Systems } from '../systems/systems.ts'
import type { WarehouseDomain } from '../warehouse/warehouse.ts'
import type { Weather } from '../weather/weather.ts'
import { type AverageLoader, createAverageLoader } from './loans.ts'

/** What Millrace does, by domain; app.ts builds it. */
export interface Domains {
  loans: Loans
  weather: Weather
  files: Files
  warehouse: WarehouseDomain
  systems: Systems
  jobs: Jobs
}

/** What a resolver may reach while it answers one operation. */
export interface Context extends Domains {
  averages: AverageLoader
  /** What the user should know although the answer is right; sent as `extensions.warnings`. */
  warnings: Set<string>
}

/** A fresh one for every operation, whatever the transport: loaders must not remember answers longer. */
export function createContext(domains: Domains): Context {
  const warnings = new Set<string>()
  return { ...domains, warnings, averages: createAverageLoader(domains.loans, warnings) }
}
