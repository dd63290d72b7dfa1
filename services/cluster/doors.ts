import type { RemoteShop } from './shop.ts';

/**
 * Tries what a stranger would: the staff's routes without a token, and something that is no event at the doors for
 * events. Changes nothing.
 * @throws Error naming the service that lets a stranger in
 */
export async function checkDoors(
  shop: RemoteShop,
  staffPaths: readonly (readonly [service: string, path: string])[],
): Promise<void> {
  for (const [name, path] of staffPaths) {
    if (!shop.services.includes(name)) continue;
    const { status } = await shop.call(name, 'GET', path);
    if (status !== 401)
      throw new Error(`${name} answers ${status} to GET ${path} without the staff token, not 401`);
  }
  for (const name of shop.services) {
    const { status } = await shop.call(name, 'POST', '/events', { body: { no: 'event' } });
    if (status < 400) throw new Error(`${name} answers ${status} to what is no event`);
  }
}
