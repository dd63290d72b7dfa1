import { listen, type Listening } from '../../platform/http/listen.ts';

/** An event as a sink got it, in structured mode. */
export interface SentEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly data: Record<string, unknown>;
  readonly [attribute: string]: unknown;
}

/** A broker's front door that only listens: takes every event, and remembers it. */
export interface Sink extends AsyncDisposable {
  readonly url: string;
  readonly events: SentEvent[];
  /** Answers with this status from now on. @default 202 */
  status: number;
  /** Answers nobody until `letGo`. */
  hold(): void;
  letGo(): void;
  /** Events of one type, oldest first. */
  ofType(type: string): SentEvent[];
  close(): Promise<void>;
}

export async function openSink(): Promise<Sink> {
  const events: SentEvent[] = [];
  let held: (() => void)[] | undefined;
  const listening: Listening = await listen(
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (sink.status < 300) events.push(JSON.parse(Buffer.concat(chunks).toString()) as SentEvent);
        const answer = (): void => void response.writeHead(sink.status).end();
        if (held) held.push(answer);
        else answer();
      });
    },
    0,
    '127.0.0.1',
  );
  const sink: Sink = {
    url: `${listening.url}/default/shop`,
    events,
    status: 202,
    hold() {
      held = [];
    },
    letGo() {
      for (const answer of held ?? []) answer();
      held = undefined;
    },
    ofType: (type) => events.filter((event) => event.type === type),
    close: () => listening.close(0),
    [Symbol.asyncDispose]: () => listening.close(0),
  };
  return sink;
}
