import { TestEnvironment } from 'jest-environment-node';

/** Skips every test where there is no PostgreSQL to run it on; the setup has said why. */
export default class PostgresEnvironment extends TestEnvironment {
  handleTestEvent(event, state) {
    if (event.name === 'run_start' && !process.env.TEST_DATABASE_URL) skip(state.rootDescribeBlock);
  }
}

function skip(block) {
  block.mode = 'skip';
  for (const child of block.children ?? []) skip(child);
}
