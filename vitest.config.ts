import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Node gives type-graphql and Apollo graphql/index.js, Vite would give our files graphql/index.mjs: two realms.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
