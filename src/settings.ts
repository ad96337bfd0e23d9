import { FILES_SETTINGS } from './settings/files.ts'
import { LOANS_SETTINGS } from './settings/loans.ts'
import { LOG_SETTINGS } from './settings/log.ts'
import { ROLES_SETTINGS } from './settings/roles.ts'
import { SERVER_SETTINGS } from './settings/server.ts'
import { WAREHOUSE_SETTINGS } from './settings/warehouse.ts'
import { WEATHER_SETTINGS } from './settings/weather.ts'

/** Every variable there is, with its default and what it does: the one place for both. */
export const SETTINGS = {
  ...ROLES_SETTINGS,
  ...LOG_SETTINGS,
  ...SERVER_SETTINGS,
  ...LOANS_SETTINGS,
  ...WEATHER_SETTINGS,
  ...FILES_SETTINGS,
  ...WAREHOUSE_SETTINGS,
}
