import { startPostgres, type PostgresServer } from './postgres-server.ts';

declare global {
  var postgresOfTests: PostgresServer | undefined;
}

/** One server for a whole run. Where it cannot be started its tests are skipped, but not in silence. */
export default async function setup(): Promise<void> {
  try {
    globalThis.postgresOfTests = await startPostgres();
    process.env['TEST_DATABASE_URL'] = globalThis.postgresOfTests.url;
  } catch (error) {
    if (process.env['CI']) throw error;
    process.stderr.write(
      `\nPostgreSQL cannot be started here, so ITS TESTS ARE SKIPPED: ${String(error)}\n\n`,
    );
  }
}
