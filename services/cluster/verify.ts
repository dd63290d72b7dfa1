import { z } from 'zod';
import { ConfigError, environment, readConfig, setting } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';
import { CHECKS, verify, type CheckName } from './checks.ts';
import { RemoteShop } from './shop.ts';

/** A connection to a node that is gone hangs; the next call finds another Pod. */
const LONGEST_ANSWER_MS = 15_000;

/**
 * What `helm test` and `skaffold verify` run: looks at a shop that runs, places orders in it and follows them. Its
 * arguments name the checks; without any all are made.
 */
await runUntilStopped(async () => {
  const settings = readConfig(
    {
      STOREFRONT_URL: setting.url(),
      PAYMENT_URL: setting.url(),
      INVENTORY_URL: setting.url(),
      SHIPPING_URL: setting.url(),
      LEDGER_URL: setting.url().optional(),
      STAFF_TOKEN: setting.secret(16),
      VERIFY_PATIENCE: setting.duration().default(60_000),
      VERIFY_SKU: setting.text().default('TW-ROPE-10'),
      VERIFY_GOOD_CARD: setting.text().default('tok_visa'),
      VERIFY_BAD_CARD: setting.text().default('tok_declined'),
      TRIGGER_PREFIX: setting.text().default(''),
      EVENTS_APART: z.enum(['true', 'false']).default('false'),
    },
    environment(),
  );
  const names = argumentsOf(process.argv.slice(2));
  const { STOREFRONT_URL: storefront, PAYMENT_URL: payment, INVENTORY_URL: inventory } = settings;
  const { SHIPPING_URL: shipping, LEDGER_URL: ledger } = settings;
  const shop = new RemoteShop({
    urls: { storefront, payment, inventory, shipping, ...(ledger === undefined ? {} : { ledger }) },
    staffToken: settings.STAFF_TOKEN,
    patienceMs: settings.VERIFY_PATIENCE,
    answerMs: Math.min(LONGEST_ANSWER_MS, settings.VERIFY_PATIENCE),
  });
  const options = {
    sku: settings.VERIFY_SKU,
    goodCard: settings.VERIFY_GOOD_CARD,
    badCard: settings.VERIFY_BAD_CARD,
    triggerPrefix: settings.TRIGGER_PREFIX,
    eventsApart: settings.EVENTS_APART === 'true',
    say: (line: string) => void process.stdout.write(`${line}\n`),
  };
  await verify(shop, options, names);
  return undefined;
});

function argumentsOf(given: readonly string[]): readonly CheckName[] {
  const names = CHECKS.filter((name) => given.includes(name));
  const strange = given.filter((name) => !names.includes(name as CheckName));
  if (strange.length > 0)
    throw new ConfigError(`there is no check ${strange.join(', ')}: name some of ${CHECKS.join(', ')}`);
  return names.length > 0 ? names : CHECKS;
}
