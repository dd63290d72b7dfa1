import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The programs that tests start share what Node has compiled, which is half of the work of their start. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('.cache/compiled', import.meta.url));

/** Databases are synced as in a shop, but to memory where there is plenty of it: nothing here survives a power cut. */
const memory = '/dev/shm';
if (!process.env.TEST_DATA_DIR && existsSync(memory) && freeBytes(memory) > 2 * 1024 ** 3) {
  const folder = mkdtempSync(`${memory}/tradewind-tests-`);
  process.env.TEST_DATA_DIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

function freeBytes(folder) {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Tests run the sources as they are: types are stripped by Node's own stripper, modules stay ES modules. */
const common = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/.data', '<rootDir>/.cache'],
};

/** Once more on PostgreSQL: what keeps data. */
const onPostgres = [
  'e2e/cases',
  'journeys/!(readme|adding-a-service|runbook)',
  'services/!(deadline)',
  'services/*/!(decide|label|tracking|cause|cli|cli-drawing|cli-events|cli-letters|plan|replay-decide|side-by-side|tree)',
  'platform/{crash,intake,relay,runtime,task-runner}',
  'platform/http/app',
];
const onlyPostgres = ['platform/postgres/*', 'services/*/postgres/*', 'journeys/postgres/*'];
/** And once more with two replicas of each service, behind a proxy: what replicas could do twice or out of turn. */
const onReplicas = ['journeys/{outcomes,offline,poison,replay}'];
const files = (names) => names.map((name) => `<rootDir>/test/${name}.test.ts`);

export default {
  // No measure of speed: a machine that does much else at the same time must not fail a test.
  testTimeout: 120_000,
  // Who waits for a lease or a backoff to end leaves the processor to another one. PostgreSQL has connections for six.
  maxWorkers: Math.min(6, availableParallelism() + 1),
  testSequencer: '<rootDir>/test/support/sequence.mjs',
  workerIdleMemoryLimit: '1GB',
  projects: [
    {
      ...common,
      displayName: 'SQLite',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/.*/postgres/'],
    },
    {
      ...common,
      displayName: 'PostgreSQL',
      globals: { engine: 'postgres' },
      globalSetup: '<rootDir>/test/support/postgres-setup.ts',
      globalTeardown: '<rootDir>/test/support/postgres-teardown.ts',
      testEnvironment: '<rootDir>/test/support/postgres-environment.mjs',
      testMatch: files([...onPostgres, ...onlyPostgres]),
    },
    {
      ...common,
      displayName: 'Replicas',
      globals: { engine: 'postgres', replicas: 2 },
      globalSetup: '<rootDir>/test/support/postgres-setup.ts',
      globalTeardown: '<rootDir>/test/support/postgres-teardown.ts',
      testEnvironment: '<rootDir>/test/support/postgres-environment.mjs',
      testMatch: files(onReplicas),
    },
  ],
};
