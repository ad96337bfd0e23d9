import { defineConfig } from 'vitest/config'

/** Files that need real systems; test/setup/cluster.ts starts MySQL, HDFS and Kafka before the first of them. */
const CLUSTER_FILES = ['test/**/*.cluster.test.ts', 'test/cluster/**/*.test.ts']
const BROWSER_FILES = ['test/browser/**/*.test.ts']
/** Files that ask for so many rows or answers a second, which a machine that is busy with another file may not give. */
const ALONE_FILES = ['test/**/*.alone.test.ts']

/** Where JVMs start, and sessions time out. */
const REAL_SYSTEMS = { hookTimeout: 300_000, testTimeout: 120_000 }

/**
 * The projects run one after the other, in the order of their groups. Of `unit` and of `cluster` two files run at a time, each
 * in a process of its own: many of them mostly wait. Whichever process is free takes the largest file left.
 */
export default defineConfig({
  // Node gives type-graphql and Apollo graphql/index.js, Vite would give our files graphql/index.mjs: two realms.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    environment: 'node',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...CLUSTER_FILES, ...BROWSER_FILES, ...ALONE_FILES],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'browser', include: BROWSER_FILES, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          ...REAL_SYSTEMS,
          name: 'cluster',
          include: CLUSTER_FILES,
          exclude: ALONE_FILES,
          globalSetup: 'test/setup/cluster.ts',
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          ...REAL_SYSTEMS,
          name: 'alone',
          include: ALONE_FILES,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
