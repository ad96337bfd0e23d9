import type { DataNodeStatus, FileBlocks } from '../datasources/storage.ts'

export const SYSTEM_ROLES = ['SOURCE', 'STORAGE', 'LOG', 'ENGINE', 'WAREHOUSE'] as const
export type SystemRole = (typeof SYSTEM_ROLES)[number]

/** The systems that Millrace is bound to, and where files lie in them. createSystems() builds it. */
export interface Systems {
  /** One entry per bound role; never throws: what does not answer within two seconds is unreachable, with the reason as detail. */
  statuses(): Promise<SystemStatus[]>
  /** UNAVAILABLE without an answer within ten seconds. */
  dataNodes(): Promise<DataNodeStatus[]>
  /** As dataNodes; of a folder, those of the files in it. NOT_FOUND for a path with no file, BAD_USER_INPUT for a folder without any. */
  blockLocations(path: string): Promise<FileBlocks>
}

export interface SystemStatus {
  role: SystemRole
  kind: string
  /** Without credentials. */
  url: string
  reachable: boolean
  detail: string | null
}
