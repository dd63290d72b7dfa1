import type { Gateway } from './gateway.ts';

/** No answer came: nobody knows what the provider did. The same call under the same key will tell. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** Ends every call that is not answered in time, and all of them when the service shuts down. */
export function withPatience(gateway: Gateway, timeoutMs: number, closing: AbortSignal): Gateway {
  const waiting = new Set<() => void>();
  closing.addEventListener('abort', () => waiting.forEach((giveUp) => giveUp()), { once: true });

  async function answerOf<T>(ask: () => Promise<T>): Promise<T> {
    if (closing.aborted)
      throw new NoAnswerError('the service shuts down; the gateway is asked after a restart');
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = (): void =>
      reject(new NoAnswerError('the gateway gave no answer; it is asked again with the same key'));
    const timer = setTimeout(giveUp, timeoutMs);
    waiting.add(giveUp);
    ask().then(resolve, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(giveUp);
    }
  }

  return {
    authorize: (request) => answerOf(() => gateway.authorize(request)),
    capture: (request) => answerOf(() => gateway.capture(request)),
    void: (request) => answerOf(() => gateway.void(request)),
    refund: (request) => answerOf(() => gateway.refund(request)),
  };
}
