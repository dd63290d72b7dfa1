import { listen, type Listening } from '../../../platform/http/listen.ts';
import {
  lastEventId,
  liveHeaders,
  LiveStreams,
  type Live,
  type LiveEvent,
  type LiveOptions,
} from '../../../platform/http/live.ts';
import { asProblem, respondProblem } from '../../../platform/http/respond.ts';
import { createLog } from '../../../platform/log.ts';

export const HOUR_MS = 3_600_000;
export const PAGE = 2;
const log = createLog({ service: 'test', level: 'silent', format: 'json' });

/** A server whose only route is a live stream of numbered texts. */
export class LiveServer {
  readonly texts: string[] = [];
  readonly closing = new AbortController();
  readonly streams: LiveStreams;
  reads = 0;
  /** What happens between a look into the store and its answer. */
  meanwhile: () => Promise<void> = async () => undefined;
  /** What a stream is beside its texts, by its path. */
  more: (path: string) => Partial<Live> = () => ({});
  /** What a read finds. */
  find = (after: number): { events: LiveEvent[]; scanned: number; waits?: boolean } => {
    const events = this.texts
      .map((text, index) => ({ seq: index + 1, event: 'said', data: { text } }))
      .slice(after, after + PAGE);
    return { events, scanned: after + events.length };
  };
  listening: Listening | undefined;

  constructor(options: Partial<LiveOptions>) {
    const { closing } = this;
    // A poll that never comes: what arrives was rung for.
    this.streams = new LiveStreams({
      max: 100,
      poll: HOUR_MS,
      heartbeat: HOUR_MS,
      closing: closing.signal,
      ...options,
    });
  }

  get url(): string {
    return this.listening?.url ?? '';
  }

  async open(): Promise<this> {
    this.listening = await listen(
      (request, response) => {
        for (const [name, value] of Object.entries(liveHeaders)) response.setHeader(name, value);
        const after = lastEventId(request.headers['last-event-id'] as string | undefined) ?? 0;
        const read = async (seq: number) => {
          this.reads += 1;
          const found = this.find(seq);
          await this.meanwhile();
          return found;
        };
        this.streams
          .follow(response, { after, read, ...this.more(request.url ?? '') })
          .catch((error: unknown) => respondProblem(response, asProblem(error, log)));
      },
      0,
      '127.0.0.1',
    );
    return this;
  }

  say(...texts: string[]): void {
    this.texts.push(...texts);
    this.streams.ring();
  }
}
