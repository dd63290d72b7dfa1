import { environment } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';
import { startService } from '../../platform/runtime.ts';
import { readSettings } from '../../platform/settings.ts';
import { inventory } from '../../services/inventory/service.ts';

/** The inventory in a process of its own, to be killed: its first line of output is its address. */
await runUntilStopped(async () => {
  const service = await startService(inventory, readSettings(inventory, environment()));
  process.stdout.write(`${service.url}\n`);
  return service;
});
