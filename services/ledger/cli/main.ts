import { CommanderError } from 'commander';
import { ConfigError } from '../../../platform/config.ts';
import { Failure, UsageError } from './failure.ts';
import { newProgram } from './program.ts';

const FAILED = 1;
const WRONG_USAGE = 2;

// Whoever reads along may leave early: `| head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  const args = process.argv.slice(2);
  await newProgram().parseAsync(args.length > 0 ? args : ['--help'], { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  else if (error instanceof Failure || error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error instanceof UsageError ? WRONG_USAGE : FAILED;
  } else throw error;
}
