import type { Reader } from '../../platform/store/store.ts';
import { KEPT, type Kept } from './archive.ts';
import { ENTRY, type LetterEntry } from './letters.ts';
import { lookedUp } from './looked-up.ts';
import type { Story, StoryLetter } from './tree.ts';
import { wordsFor } from './words.ts';

/** Events and dead letters of one story that are read at once; the first ones. */
export const MAX_EVENTS = 2000;
const MAX_LETTERS = 500;
/** Causes outside of the story that are looked up. */
const MAX_ELSEWHERE = 100;

/** All that is known of a story. `truncated`: there is more than was read. */
export async function readStory(
  reader: Reader,
  correlation: string,
): Promise<Story & { readonly truncated: boolean }> {
  const name = lookedUp(correlation);
  const events = await reader.all<Kept>(
    `select ${KEPT} from archive where correlation_id = $1 order by seq limit $2`,
    name,
    MAX_EVENTS + 1,
  );
  const letters = await lettersOf(reader, name, MAX_LETTERS + 1);
  const shown = { events: events.slice(0, MAX_EVENTS), letters: letters.slice(0, MAX_LETTERS) };
  return {
    ...shown,
    elsewhere: await causesElsewhere(reader, shown),
    truncated: events.length > MAX_EVENTS || letters.length > MAX_LETTERS,
  };
}

type LetterRow = LetterEntry & { readonly attributes: string };

/** What is no CloudEvent belongs to no story, so these have all that an event has. */
async function lettersOf(reader: Reader, correlation: string, limit: number): Promise<StoryLetter[]> {
  const rows = await reader.all<LetterRow>(
    `select ${ENTRY}, attributes from dead_letters where correlation_id = $1 order by seq limit $2`,
    correlation,
    limit,
  );
  return rows.map((row) => {
    const { causationid, time } = JSON.parse(row.attributes) as Record<string, string | undefined>;
    const { seq, id, source, type, subject, diedAt, classification, subscriber, cause, state } = row;
    return {
      seq,
      id: id ?? '',
      source: source ?? '',
      type: type ?? '',
      subject,
      causationId: causationid ?? null,
      happenedAt: time ?? null,
      diedAt,
      confidential: classification !== 'internal',
      subscriber,
      cause,
      state,
      words: wordsFor(row),
    };
  });
}

async function causesElsewhere(
  reader: Reader,
  { events, letters }: Pick<Story, 'events' | 'letters'>,
): Promise<Kept[]> {
  const all = [...events, ...letters];
  const own = new Set(all.map(({ id }) => id));
  const causes = new Set(all.flatMap(({ causationId }) => causationId ?? []));
  const others = [...causes].filter((id) => !own.has(id)).slice(0, MAX_ELSEWHERE);
  if (others.length === 0) return [];
  const places = others.map((_, index) => `$${index + 1}`).join(', ');
  return reader.all<Kept>(`select ${KEPT} from archive where id in (${places}) order by seq`, ...others);
}
