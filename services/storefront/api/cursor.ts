import { cursorOf } from '../../../platform/http/cursor.ts';

export const { schema: cursor, after: afterOf } = cursorOf('placedAt', 'orderId');
