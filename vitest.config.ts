import { defineConfig } from 'vitest/config'

/** Files that need real MySQL and HDFS; test/setup/cluster.ts starts both before the first of them. */
const CLUSTER_FILES = ['test/**/*.cluster.test.ts', 'test/cluster/**/*.test.ts', 'test/contract-run/**/*.test.ts']
const BROWSER_FILES = ['test/browser/**/*.test.ts']

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
          exclude: [...CLUSTER_FILES, ...BROWSER_FILES],
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
          name: 'cluster',
          include: CLUSTER_FILES,
          globalSetup: 'test/setup/cluster.ts',
          fileParallelism: false, // some count requests, all share two cores with five JVMs and servers
          hookTimeout: 300_000,
          testTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
