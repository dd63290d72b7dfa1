import { setting, environment, readConfig } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';
import { verify } from './checks.ts';
import { RemoteShop } from './shop.ts';

/** What `helm test` and `skaffold verify` run: places orders in a shop that runs, and follows them. */
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
    },
    environment(),
  );
  const { STOREFRONT_URL: storefront, PAYMENT_URL: payment, INVENTORY_URL: inventory } = settings;
  const { SHIPPING_URL: shipping, LEDGER_URL: ledger } = settings;
  const shop = new RemoteShop({
    urls: { storefront, payment, inventory, shipping, ...(ledger === undefined ? {} : { ledger }) },
    staffToken: settings.STAFF_TOKEN,
    patienceMs: settings.VERIFY_PATIENCE,
  });
  await verify(shop, {
    sku: settings.VERIFY_SKU,
    goodCard: settings.VERIFY_GOOD_CARD,
    badCard: settings.VERIFY_BAD_CARD,
    triggerPrefix: settings.TRIGGER_PREFIX,
    say: (line) => void process.stdout.write(`${line}\n`),
  });
  return undefined;
});
