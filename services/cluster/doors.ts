import type { RemoteShop } from './shop.ts';

/**
 * Tries what a stranger would: the staff's routes without a token, and to bring what is no event. Changes nothing.
 * @param eventsApart whether events are brought elsewhere, so that there is no door for them here
 * @throws Error naming the service that lets a stranger in
 */
export async function checkDoors(
  shop: RemoteShop,
  staffPaths: readonly (readonly [service: string, path: string])[],
  eventsApart: boolean,
): Promise<void> {
  for (const [name, path] of staffPaths) {
    if (!shop.services.includes(name)) continue;
    const { status } = await shop.call(name, 'GET', path);
    if (status !== 401)
      throw new Error(`${name} answers ${status} to GET ${path} without the staff token, not 401`);
  }
  for (const name of shop.services) {
    const { status } = await shop.call(name, 'POST', '/events', { body: { no: 'event' } });
    if (eventsApart && status !== 404)
      throw new Error(
        `${name} takes events where customers and staff come in: it answers ${status}, not 404`,
      );
    if (status < 400) throw new Error(`${name} answers ${status} to what is no event`);
  }
}
