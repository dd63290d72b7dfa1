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
};
