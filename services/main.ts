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
    const what = name === undefined || name.startsWith('-') ? '' : `there is no service "${name}"\n`;
    throw new ConfigError(
      `${what}npm run service -- NAME, where NAME is one of ${names}.\nIts settings come from the environment: docs/configuration.md lists them.`,
    );
  }
  return startService(card, readSettings(card, environment()));
});
