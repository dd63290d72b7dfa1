import { problems } from '../../platform/errors.ts';
import type { LedgerSettings } from './settings.ts';

/**
 * Whether an address may be delivered to. Dead letters name their subscriber themselves, and whoever can post one could
 * have customers' data sent anywhere.
 */
export function isAllowed(address: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  if (!/^https?:$/.test(protocol) || username || password) return false;
  return hosts.some((host) =>
    host.startsWith('*')
      ? hostname.length >= host.length && hostname.endsWith(host.slice(1))
      : hostname === host,
  );
}

/** The event door of a service: where `SUBSCRIBERS` has it, else at the host of its name. */
export function doorOf(service: string, { SUBSCRIBERS }: Pick<LedgerSettings, 'SUBSCRIBERS'>): string {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(service)) {
    const message = 'must be the name of a service, like payment';
    throw problems.invalid(`to: ${message}`, [{ field: 'to', message }]);
  }
  return new URL('/events', SUBSCRIBERS.get(service) ?? `http://${service}`).href;
}
