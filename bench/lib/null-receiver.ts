import { listen } from '../../platform/http/listen.ts';

/** A subscriber that answers 204 and counts. */
export interface NullReceiver extends AsyncDisposable {
  readonly url: string;
  count(): number;
}

export async function openNullReceiver(): Promise<NullReceiver> {
  let received = 0;
  const listening = await listen(
    (request, response) => {
      request.resume();
      request.on('end', () => {
        received += 1;
        response.writeHead(204).end();
      });
    },
    0,
    '127.0.0.1',
  );
  return { url: listening.url, count: () => received, [Symbol.asyncDispose]: () => listening.close(0) };
}
