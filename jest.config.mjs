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
  'services/*/!(decide|label|tracking|cause|cli-drawing|plan|replay-decide|side-by-side|tree)',
  'platform/{crash,intake,relay,runtime,task-runner}',
  'platform/http/app',
];
const onlyPostgres = ['platform/postgres/*', 'services/*/postgres/*', 'journeys/postgres/*'];
/** And once more with two replicas of each service, behind a proxy: what replicas could do twice or out of turn. */
const onReplicas = ['journeys/{outcomes,offline,poison,replay}'];
const files = (names) => names.map((name) => `<rootDir>/test/${name}.test.ts`);

export default {
  testTimeout: 30_000,
  maxWorkers: 2,
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
