import { Agent } from 'undici';
import type { HttpMessage } from '../cloudevents.ts';
import { judge, noAnswer, type Outcome } from './outcome.ts';

/** Longest answer that is read; a reply event has to fit. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** The client's own timers are cheap, but only good to about a second. */
const COARSE_TIMER_MS = 5000;

/** Posts events to subscribers. Redirects are not followed: the 3xx is the answer (broker-contract, section 11). */
export class DeliveryClient {
  readonly #agent = new Agent({
    connections: 256,
    pipelining: 1,
    keepAliveTimeout: 4000,
    connect: { timeout: 3000 },
  });

  /** One attempt. Never throws: no answer is an outcome too. */
  async post(url: URL, message: HttpMessage, timeoutMs: number): Promise<Outcome> {
    try {
      const { statusCode, headers, body } = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: message.headers,
        body: message.body,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        ...(timeoutMs < COARSE_TIMER_MS ? { signal: AbortSignal.timeout(timeoutMs) } : {}),
      });
      return judge(statusCode, headers, await readAnswer(body));
    } catch (error) {
      return noAnswer(error);
    }
  }

  /** Waits for attempts at work, then closes the connections. */
  close(): Promise<void> {
    return this.#agent.close();
  }
}

async function readAnswer(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
