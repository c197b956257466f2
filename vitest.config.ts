import { defineConfig } from 'vitest/config';

/**
 * The projects: `unit` needs no server, bundles nothing and runs in `npm run check`; `integration`, `e2e` and
 * `faults` share one real Kafka and one real Cassandra, started once for the whole run by
 * `servers/src/test-servers.ts`.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Loading everything anew for each file was half of the work; no file here changes what another one
          // sees.
          isolate: false,
          // Properties take seconds on a busy machine; a hang is still found.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: [
            'packages/*/src/**/*.test.ts',
            'functions/*/src/**/*.test.ts',
            '{security,servers,feeds,knative,stand-in,console,local,audit,backfill,faults,grafana}/src/**/*.test.ts',
            'knative/check/**/*.test.ts',
            '{build,bench}/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'integration',
          include: [
            'packages/*/test/**/*.test.ts',
            'functions/*/test/**/*.test.ts',
            '{security,servers,feeds,stand-in,knative,console,local,audit,backfill,grafana}/test/**/*.test.ts',
            'faults/test/*.test.ts',
            'build/test/*.test.ts',
          ],
          globalSetup: ['servers/src/test-servers.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        // Builds every image with a real engine: `npm run test:images`.
        test: {
          name: 'images',
          include: ['build/test/images/**/*.test.ts'],
          globalSetup: ['servers/src/test-servers.ts'],
          hookTimeout: 1_800_000,
          fileParallelism: false,
        },
      },
      {
        // Brings compose.yaml up with a real engine: `npm run test:compose`.
        test: { name: 'compose', include: ['build/test/compose/**/*.test.ts'], fileParallelism: false },
      },
      {
        // Wants a Kubernetes API server: `npm run test:terraform`.
        test: { name: 'terraform', include: ['build/test/terraform/**/*.test.ts'], fileParallelism: false },
      },
      {
        // Slow, and kills its servers: `npm run test:faults`.
        test: {
          name: 'faults',
          include: ['faults/test/faults/**/*.test.ts'],
          setupFiles: ['faults/test/summary.ts'],
          // Whole names in the summary.
          taskTitleValueFormatTruncate: 0,
          globalSetup: ['servers/src/test-servers.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        // Our Avro in Python and Java, the recording as Avro, a topic of others: `npm run test:avro`.
        test: {
          name: 'avro',
          include: ['e2e/avro/**/*.test.ts'],
          globalSetup: ['servers/src/test-servers.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/*.test.ts'],
          globalSetup: ['servers/src/test-servers.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
