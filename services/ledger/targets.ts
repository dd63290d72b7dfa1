import { problems } from '../../platform/errors.ts';
import { lookedUp, MAX_LOOKED_UP } from './looked-up.ts';
import type { LedgerSettings } from './settings.ts';

/** Ends an address that was cut: with it, what is left is no event door. */
const CUT = '…';

/**
 * Whether an address is one that Triggers of the shop name: the event door of a service. Any other door of an allowed
 * host could be made to do something else.
 */
export function isEventDoor(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(address);
  return /^https?:$/.test(protocol) && !username && !password && pathname + search + hash === '/events';
}

/**
 * Whether an address may be delivered to. Dead letters name their subscriber themselves, and whoever can post one could
 * have customers' data sent anywhere.
 */
export function isAllowed(address: string, hosts: readonly string[]): boolean {
  if (!isEventDoor(address)) return false;
  const { hostname } = new URL(address);
  return hosts.some((host) =>
    host.startsWith('*')
      ? hostname.length >= host.length && hostname.endsWith(host.slice(1))
      : hostname === host,
  );
}

/** As much of an address as is kept, marked where that is not all of it: nothing may be sent to what is left. */
export function cutAddress(address: string): string {
  if (lookedUp(address) === address) return address;
  return lookedUp(address, MAX_LOOKED_UP - Buffer.byteLength(CUT)) + CUT;
}

export function isCut(address: string): boolean {
  return address.endsWith(CUT);
}

/** The event door of a service: where `SUBSCRIBERS` has it, else at the host of its name. */
export function doorOf(service: string, { SUBSCRIBERS }: Pick<LedgerSettings, 'SUBSCRIBERS'>): string {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(service)) {
    const message = 'must be the name of a service, like payment';
    throw problems.invalid(`to: ${message}`, [{ field: 'to', message }]);
  }
  return new URL('/events', SUBSCRIBERS.get(service) ?? `http://${service}`).href;
}
