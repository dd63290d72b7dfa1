import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startService } from '../../../platform/runtime.ts';
import { readSettings } from '../../../platform/settings.ts';
import { payment } from '../../../services/payment/service.ts';
import { STAFF_TOKEN } from '../../support/service.ts';

describe('the settings of payment', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tradewind-payment-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const settings = (env: Record<string, string>) =>
    readSettings(payment, { PORT: '0', DATA_DIR: dataDir, STAFF_TOKEN, LOG_LEVEL: 'silent', ...env });

  it('say what is missing when Stripe is chosen without a key', async () => {
    await expect(startService(payment, settings({ PAYMENT_GATEWAY: 'stripe' }))).rejects.toThrow(
      /STRIPE_API_KEY: must be set/,
    );
  });

  it.each([
    ['PAYMENT_GATEWAY', 'paypal'],
    ['GATEWAY_TIMEOUT', 'soon'],
    ['STRIPE_BASE_URL', 'http://127.0.0.1:1/v1'],
    ['STRIPE_BASE_URL', 'nowhere'],
  ])('name %s when it is "%s"', (name, value) => {
    expect(() => settings({ [name]: value })).toThrow(name);
  });
});
