import { z } from 'zod';
import type { Kept } from '../archive.ts';

export const eventView = z.object({
  seq: z.int().describe('the order of keeping'),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  subject: z.string().optional(),
  correlationid: z.string().optional(),
  causationid: z.string().optional(),
  time: z.string().optional(),
  keptAt: z.iso.datetime(),
  arrivals: z.int().describe('how often it came'),
  size: z.int().describe('bytes of attributes and data'),
});

export const wholeEventView = z.object({
  seq: eventView.shape.seq,
  keptAt: eventView.shape.keptAt,
  arrivals: eventView.shape.arrivals,
  size: eventView.shape.size,
  attributes: z.record(z.string(), z.string()),
  data: z.unknown().optional().describe('JSON data'),
  dataText: z.string().optional().describe('data that is text'),
  dataBase64: z.string().optional().describe('data that is neither'),
  note: z.string().optional().describe('says that the data is cut, and where all of it is'),
  curl: z.string().describe('posts it to the broker again'),
});

/** A kept event as the API shows it. */
export function viewOf(kept: Kept): z.infer<typeof eventView> {
  const { seq, id, source, type, keptAt, arrivals, size } = kept;
  return {
    seq,
    id,
    source,
    type,
    ...named('subject', kept.subject),
    ...named('correlationid', kept.correlationId),
    ...named('causationid', kept.causationId),
    ...named('time', kept.happenedAt),
    keptAt,
    arrivals,
    size,
  };
}

function named<Name extends string>(name: Name, value: string | null): { readonly [N in Name]?: string } {
  return (value === null ? {} : { [name]: value }) as { readonly [N in Name]?: string };
}
