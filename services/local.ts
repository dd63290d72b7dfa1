import { runUntilStopped } from '../platform/process.ts';

await runUntilStopped(async () => {
  const { help, readArguments } = await import('./local/arguments.ts');
  const args = readArguments(process.argv.slice(2));
  if (args.help) {
    process.stdout.write(`${help}\n`);
    return undefined;
  }
  const [{ startShop }, { superviseShop }, { banner }, { loadSecrets }, { environment }] = await Promise.all([
    import('./local/shop.ts'),
    import('./local/supervisor.ts'),
    import('./local/banner.ts'),
    import('./local/secrets.ts'),
    import('../platform/config.ts'),
  ]);
  const { dataDir, portBase, autoDispatch } = args;
  const secrets = loadSecrets(dataDir);
  const staffToken = environment()['STAFF_TOKEN'] || secrets.staffToken;
  const options = { dataDir, portBase, autoDispatch, secrets: { ...secrets, staffToken } };
  const shop = await (args.processes ? superviseShop(options) : startShop(options));
  process.stdout.write(banner(options));
  return {
    async close() {
      await shop.close();
      process.stdout.write('Tradewind has stopped; what is unfinished goes on at the next start\n');
    },
  };
});
