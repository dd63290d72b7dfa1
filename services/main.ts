import { runUntilStopped } from '../platform/process.ts';

await runUntilStopped(async () => {
  const [{ services }, { startService }, { environment, ConfigError }, { readSettings }] = await Promise.all([
    import('./index.ts'),
    import('../platform/runtime.ts'),
    import('../platform/config.ts'),
    import('../platform/settings.ts'),
  ]);
  const name = process.argv[2];
  const card = services.find((each) => each.name === name);
  if (!card) {
    const names = services.map((each) => each.name).join(', ');
    throw new ConfigError(
      `${name ? `there is no service "${name}"` : 'name the service to run'}: one of ${names}`,
    );
  }
  return startService(card, readSettings(card, environment()));
});
