import { cursorOf } from '../../platform/http/cursor.ts';

export const { schema: cursor, after: cursorAfter } = cursorOf('heardAt', 'orderId');
