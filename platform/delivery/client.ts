import { Agent, type Dispatcher } from 'undici';
import type { HttpMessage } from '../cloudevents.ts';
import { isSuccess, judge, MAX_ERROR_BYTES, noAnswer, notAnEvent, type Outcome } from './outcome.ts';

/** Longest answer that is read; a reply event has to fit. */
const MAX_REPLY_BYTES = 1024 * 1024;

/** Posts events to subscribers. Redirects are not followed: the 3xx is the answer (broker-contract, section 11). */
export class DeliveryClient {
  readonly #agent: Agent;

  /** @param ca certificates in PEM that are trusted instead of the public ones */
  constructor(ca?: string) {
    this.#agent = new Agent({
      connections: 256,
      pipelining: 1,
      keepAliveTimeout: 4000,
      connect: { timeout: 3000, ...(ca === undefined ? {} : { ca }) },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * One attempt, which lasts no longer than `timeoutMs` as a whole. Never throws: no answer is an outcome too. With a
   * 2xx the body is looked at only where the message asks for a reply (`Prefer: reply`).
   */
  async post(url: URL, message: HttpMessage, timeoutMs: number): Promise<Outcome> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const answer = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: message.headers,
        body: message.body,
        signal: deadline.signal,
      });
      if (message.headers['prefer'] !== 'reply' && isSuccess(answer.statusCode)) {
        await answer.body.dump();
        return { delivered: true };
      }
      return await judgeAnswer(answer);
    } catch (error) {
      return noAnswer(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every attempt at work and closes the connections. */
  destroy(): Promise<void> {
    return this.#agent.destroy();
  }
}

async function judgeAnswer({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Outcome> {
  const limit = isSuccess(statusCode) ? MAX_REPLY_BYTES : MAX_ERROR_BYTES;
  const { start, whole } = await readStart(body, limit);
  if (isSuccess(statusCode) && !whole)
    return notAnEvent(Buffer.from(`the answer has more than ${limit} bytes`), 502);
  return judge(statusCode, headers, start);
}

/** The first bytes of an answer; the rest of a longer one is not waited for. */
async function readStart(
  body: Dispatcher.ResponseData['body'],
  limit: number,
): Promise<{ start: Buffer; whole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) break;
  }
  return { start: Buffer.concat(chunks), whole: size <= limit };
}
