import { runUntilStopped } from '../process.ts';

await runUntilStopped(async () => {
  const { startBroker } = await import('./broker.ts');
  const { brokerSettings } = await import('./settings.ts');
  const { environment, readConfig } = await import('../config.ts');
  return startBroker(readConfig(brokerSettings, environment()));
});
