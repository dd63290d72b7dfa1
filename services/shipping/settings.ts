import { z } from 'zod';
import { setting } from '../../platform/config.ts';

export const settings = {
  AUTO_DISPATCH: z
    .union([z.literal('off'), setting.duration()], 'must be a duration such as 30s, or off')
    .default('off')
    .describe('how long after its preparation a parcel leaves by itself; off: staff sends it'),
  ADDRESS_CHANGE_RETENTION: setting
    .duration()
    .default(30 * 86_400_000)
    .describe('how long address changes are kept for orders that are still on their way'),
  SENDER: z
    .string()
    .max(200, 'must have 200 characters at most')
    .default('Tradewind · Speicherstraße 1 · 20457 Hamburg · DE')
    .describe('who sends the parcels, as it stands on their labels'),
};
