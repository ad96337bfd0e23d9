import { type CrashPoint, MIGRATION_POINTS, PARTITION_POINTS } from '../setup/crashPoints.ts'

/** What befalls a process of a system just as a server comes to a point of its work. */
export interface StepCase {
  system: SystemName
  action: ActionName
  work: 'migrate' | 'all counties'
  point: CrashPoint
}

export type SystemName = 'MySQL' | 'NameNode' | 'DataNode'
export type ActionName = 'killed with -9' | 'stopped with SIGSTOP' | 'killed and started again'

const SYSTEMS: readonly SystemName[] = ['MySQL', 'NameNode', 'DataNode']
const ACTIONS: readonly ActionName[] = ['killed with -9', 'stopped with SIGSTOP', 'killed and started again']

/** All that a migration asks of MySQL; the rest of its work is with the storage alone. */
const MYSQL_MOMENTS = ['ping', 'rows', 'batch taken']

/** The server knows the footer of the main file here, and the counties of one pass lie in one read. */
const PARTITION_POINTS_HERE = PARTITION_POINTS.map(point =>
  point.moment === 'main file read' ? { ...point, time: 1 } : point,
)

export const ALL_STEP_CASES: readonly StepCase[] = SYSTEMS.flatMap(system =>
  ACTIONS.flatMap(action => [
    ...MIGRATION_POINTS.filter(({ moment }) => system !== 'MySQL' || MYSQL_MOMENTS.includes(moment)).map(
      (point): StepCase => ({ system, action, work: 'migrate', point }),
    ),
    ...PARTITION_POINTS_HERE.filter(() => system !== 'MySQL').map(
      (point): StepCase => ({ system, action, work: 'all counties', point }),
    ),
  ]),
)

/** Each system, each action and each work together, every time at another point. */
export function someSteps(cases: readonly StepCase[]): StepCase[] {
  const groups = [...Map.groupBy(cases, ({ system, action, work }) => `${system} ${action} ${work}`).values()]
  return groups.map((group, index) => group[(index * 3) % group.length]!)
}
