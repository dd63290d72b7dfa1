import { z } from 'zod';
import type { Position } from './store.ts';

const position = z.tuple([z.iso.datetime(), z.string().min(1).max(64)]);

/** Where a page ended, as text that only this service reads. */
export const cursor = z
  .string()
  .max(200)
  .transform((text, context): Position => {
    const parsed = position.safeParse(decoded(text));
    if (parsed.success) return { heardAt: parsed.data[0], orderId: parsed.data[1] };
    context.addIssue({ code: 'custom', message: 'is no cursor of ours; send the "next" of the page before' });
    return z.NEVER;
  });

export function cursorAfter({ heardAt, orderId }: Position): string {
  return Buffer.from(JSON.stringify([heardAt, orderId])).toString('base64url');
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
