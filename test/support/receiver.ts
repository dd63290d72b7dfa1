import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { listen } from '../../platform/http/listen.ts';
import { freePortBase } from './ports.ts';

/** A request as a receiver got it. */
export interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

/** A subscriber that does as it is told, on a port that it keeps when it goes away and comes back. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly got: Got[];
  /** Ids of the events received, in order. */
  ids(): string[];
  /** Answers every request from now on. @default 204 */
  answer: (got: Got, response: ServerResponse) => void;
  /** Stops listening. */
  leave(): Promise<void>;
  /** Listens again on the same port. */
  comeBack(): Promise<void>;
}

export async function openReceiver(): Promise<Receiver> {
  const got: Got[] = [];
  const open = (port: number) =>
    listen(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          const entry = { path: request.url ?? '', headers: request.headers, body, at: performance.now() };
          got.push(entry);
          receiver.answer(entry, response);
        });
      },
      port,
      '127.0.0.1',
    );
  // Not one that the system hands out: somebody's connection could take it while this receiver is away.
  let listening = await open(await freePortBase(1));
  const { port, url } = listening;
  const receiver: Receiver = {
    url,
    got,
    ids: () => got.map(({ headers }) => String(headers['ce-id'])),
    answer: (_got, response) => void response.writeHead(204).end(),
    leave: () => listening.close(0),
    async comeBack() {
      listening = await open(port);
    },
    [Symbol.asyncDispose]: () => listening.close(0),
  };
  return receiver;
}

/** An answer with a status and a body. */
export function status(code: number, body = '', headers: Record<string, string> = {}): Receiver['answer'] {
  return (_got, response) => void response.writeHead(code, headers).end(body);
}
