import { ConfigError } from '../../platform/config.ts';
import type { OpenContext } from '../../platform/service.ts';
import { exceptFree } from './free.ts';
import type { Gateway } from './gateway.ts';
import type { Deps } from './handle.ts';
import { withPatience } from './patience.ts';
import type { Settings } from './settings.ts';
import { Simulator } from './simulator.ts';

export async function open(context: OpenContext<Settings>): Promise<Deps> {
  const { settings, closing } = context;
  const gateway =
    settings.PAYMENT_GATEWAY === 'stripe' ? await openStripe(context) : await openSimulator(context);
  return {
    gateway: exceptFree(withPatience(gateway, settings.GATEWAY_TIMEOUT, closing)),
    renewBefore: settings.RENEW_BEFORE,
  };
}

async function openSimulator({ settings, openStore, now }: OpenContext<Settings>): Promise<Gateway> {
  const store = await openStore('simulator');
  return Simulator.open({ store, now, shortHoldMs: settings.SIMULATOR_SHORT_HOLD });
}

async function openStripe({ settings, closing, now }: OpenContext<Settings>): Promise<Gateway> {
  const { STRIPE_API_KEY: apiKey, STRIPE_BASE_URL: baseUrl, GATEWAY_TIMEOUT: timeoutMs } = settings;
  if (apiKey === undefined) {
    throw new ConfigError('configuration: STRIPE_API_KEY: must be set when PAYMENT_GATEWAY is stripe');
  }
  // Loaded on demand: the SDK is large, and the simulator needs none of it.
  const { StripeGateway } = await import('./stripe.ts');
  return new StripeGateway({ apiKey, baseUrl, timeoutMs, closing, now });
}
