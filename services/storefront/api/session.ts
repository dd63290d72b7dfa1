import { problems } from '../../../platform/errors.ts';
import type { Deps } from '../handle.ts';

type Header = (name: string) => string | undefined;

/** The customer who asks. @throws Problem 401 when there is no session. */
export function customerOf(header: Header, { sessions }: Deps): string {
  const customerId = sessions.read(header('cookie'));
  if (customerId === undefined) throw problems.unauthenticated('no session: place an order first');
  return customerId;
}

/** For routes that are for customers alone: says so before it finds fault with what they ask. */
export function needsSession(header: Header, deps: Deps): void {
  customerOf(header, deps);
}
