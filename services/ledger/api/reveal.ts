import { z } from 'zod';
import { routeFor } from '../../../platform/http/route.ts';
import type { Deps } from '../deps.ts';
import { attemptsOf, type Letter } from '../letters.ts';
import { reveal } from '../reveal.ts';
import { MAX_SHOWN, show } from '../show.ts';
import { act } from './acts.ts';
import { attemptView } from './letter-view.ts';
import { unseen } from './paging.ts';

const route = routeFor<never, Deps>();

export const revealLetter = route({
  method: 'post',
  path: '/api/dead-letters/:id/reveal',
  summary:
    'The data of a dead letter and what was answered to it, confidential or not; the audit log keeps who looked, and why',
  auth: 'staff',
  params: z.object({
    id: z
      .string()
      .regex(/^[1-9]\d{0,14}$/, 'must be the number of a dead letter')
      .transform(Number),
  }),
  body: z.object(act),
  responses: {
    200: {
      description: 'its data: JSON, text, or bytes; nothing where it had none; and what was answered to it',
      schema: z.object({
        id: z.int(),
        contentType: z.string().optional(),
        data: z.unknown().optional(),
        dataText: z.string().optional(),
        dataBase64: z.string().optional(),
        answer: z.string(),
        attempts: z.array(attemptView),
      }),
    },
    404: { description: 'no such dead letter' },
    409: { description: 'its data is erased' },
  },
  async handle({ params: { id }, body }, { commit }) {
    const shown = await commit(async (tx, { now }) => {
      const letter = await reveal(tx, id, body, now);
      const { answer } = letter;
      return [{ id, ...dataOf(letter), answer, attempts: await attemptsOf(tx, id) }, {}] as const;
    });
    return { status: 200, headers: unseen, body: shown };
  },
});

/** All of it, however long: there is no other way to the rest. */
function dataOf({ attributes, headers, body }: Letter & { readonly body: Buffer }) {
  const contentType = attributes?.['datacontenttype'] ?? headers?.['content-type'];
  const type = contentType === undefined ? {} : { contentType };
  if (body.length > MAX_SHOWN) return { ...type, dataBase64: body.toString('base64') };
  const own = contentType === undefined ? {} : { datacontenttype: contentType };
  return { ...type, ...show({ attributes: own, data: body.length > 0 ? body : undefined }, '') };
}
