import { z } from 'zod';

/**
 * Where a page of a list ended, as text that only its service reads: an instant and an id, by the names they have in
 * its entries.
 */
export function cursorOf<At extends string, Id extends string>(at: At, id: Id) {
  type Position = Readonly<Record<At | Id, string>>;
  return {
    /** Reads a cursor that `after` has made. */
    schema: z
      .string()
      .max(200)
      .transform((text, context): Position => {
        const parsed = position.safeParse(decoded(text));
        if (parsed.success) return { [at]: parsed.data[0], [id]: parsed.data[1] } as Position;
        context.addIssue({
          code: 'custom',
          message: 'is no cursor of ours; send the "next" of the page before',
        });
        return z.NEVER;
      }),
    /** The cursor of the page that follows an entry. */
    after: (entry: Position): string =>
      Buffer.from(JSON.stringify([entry[at], entry[id]])).toString('base64url'),
  };
}

const position = z.tuple([
  z.iso.datetime(),
  z
    .string()
    .min(1)
    .max(64)
    .regex(/^\P{Cc}*$/u),
]);

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
