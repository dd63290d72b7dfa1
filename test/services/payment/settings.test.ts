import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startService } from '../../../platform/runtime.ts';
import { readSettings } from '../../../platform/settings.ts';
import { payment } from '../../../services/payment/service.ts';
import { openTestData, type TestData } from '../../support/data.ts';
import { STAFF_TOKEN } from '../../support/service.ts';

describe('the settings of payment', () => {
  let data: TestData;
  beforeEach(async () => {
    data = await openTestData('payment');
  });
  afterEach(() => data.remove());

  const settings = (env: Record<string, string>) =>
    readSettings(payment, { PORT: '0', ...data.env, STAFF_TOKEN, LOG_LEVEL: 'silent', ...env });

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
