import { environment } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';
import { startService } from '../../platform/runtime.ts';
import { readSettings } from '../../platform/settings.ts';
import { ledger } from '../../services/ledger/service.ts';

/** The ledger in a process of its own, to be killed: its first line of output is its address. */
await runUntilStopped(async () => {
  const service = await startService(ledger, readSettings(ledger, environment()));
  process.stdout.write(`${service.url}\n`);
  return service;
});
