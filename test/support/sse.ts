import { until } from './until.ts';

export interface SentEntry {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, string>>;
}

/** A timeline that is being read. */
export interface Watch {
  readonly status: number;
  /** Everything received, as it came. */
  readonly text: () => string;
  readonly entries: () => SentEntry[];
  /** Whether the service ended it. */
  readonly ended: () => boolean;
  /** Waits for a number of entries. @returns them. */
  take(count: number): Promise<SentEntry[]>;
  close(): void;
}

export async function watch(url: string, headers: Record<string, string>): Promise<Watch> {
  const leave = new AbortController();
  const response = await fetch(url, { headers, signal: leave.signal });
  let text = '';
  let ended = false;
  const reading = (async () => {
    try {
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true });
      }
      ended = true;
    } catch {
      // The reader left.
    }
  })();
  const entries = (): SentEntry[] => parse(text);
  return {
    status: response.status,
    text: () => text,
    entries,
    ended: () => ended,
    async take(count) {
      await until(`${count} entries`, () => entries().length >= count);
      return entries();
    },
    close() {
      leave.abort();
      void reading;
    },
  };
}

function parse(text: string): SentEntry[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const [id, event, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
    if (id === undefined || event === undefined || data === undefined) return [];
    return [{ id, event, data: JSON.parse(data) as Record<string, string> }];
  });
}
