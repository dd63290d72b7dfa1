import { z } from 'zod';
import { setting } from '../../platform/config.ts';

export const settings = {
  PAYMENT_GATEWAY: z
    .enum(['simulator', 'stripe'])
    .default('simulator')
    .describe('who holds and takes the money'),
  GATEWAY_TIMEOUT: setting
    .duration()
    .default(5000)
    .describe('longest wait for an answer of the gateway; then it is asked again with the same key'),
  RENEW_BEFORE: setting
    .duration()
    .default(86_400_000)
    .describe('how long before its end an authorization is renewed'),
  SIMULATOR_SHORT_HOLD: setting
    .duration()
    .default(5000)
    .describe('how long an authorization on tok_expires lasts'),
  STRIPE_API_KEY: setting.secret(8).optional().describe('secret key; needed when PAYMENT_GATEWAY is stripe'),
  STRIPE_BASE_URL: setting
    .url()
    .refine((url) => URL.canParse(url) && new URL(url).pathname === '/', 'must have no path')
    .default('https://api.stripe.com')
    .describe('where the Stripe API is reached: scheme, host and port'),
};
export type Settings = z.infer<z.ZodObject<typeof settings>>;
