import { messageOf } from './errors.ts';
import type { Store } from './store/store.ts';

/** Why a program is not ready, or `undefined` when it is: asked anew each time, because databases come and go. */
export function readinessOf(store: Store, closing: AbortSignal): () => Promise<string | undefined> {
  return async () => {
    if (closing.aborted) return 'shutting down';
    try {
      await store.ping();
      return undefined;
    } catch (error) {
      return `the database does not answer: ${messageOf(error)}`;
    }
  };
}
