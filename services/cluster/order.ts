import { randomUUID } from 'node:crypto';
import { shipmentIdOf } from '../../events/ids.ts';
import type { RemoteShop } from './shop.ts';

/** How long to listen to a timeline, which begins with all that has happened. */
const LISTEN_MS = 500;

const CONTACT = { name: 'Helm Test', email: 'helm-test@example.com' };
const NEW_STREET = 'Deichweg 3';
const ADDRESS = {
  recipient: CONTACT.name,
  line1: 'Speicherstraße 1',
  city: 'Hamburg',
  postalCode: '20457',
  country: 'DE',
};

/** An order as its customer follows it. */
export class Order {
  readonly id: string;
  /** What only the storefront and shipping may know. */
  readonly confidential: readonly string[] = [...Object.values(CONTACT), ADDRESS.line1, NEW_STREET];
  /** Where it goes once it has moved. */
  readonly newStreet = NEW_STREET;
  readonly #shop: RemoteShop;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(shop: RemoteShop, id: string, cookie: string) {
    this.#shop = shop;
    this.id = id;
    this.#headers = { cookie };
  }

  static async place(shop: RemoteShop, sku: string, paymentToken: string): Promise<Order> {
    const { status, body, cookie } = await shop.call('storefront', 'POST', '/api/orders', {
      headers: { 'idempotency-key': randomUUID() },
      body: {
        lines: [{ sku, quantity: 1 }],
        contact: CONTACT,
        shippingAddress: ADDRESS,
        paymentToken,
      },
    });
    if (status !== 201 || cookie === undefined) throw new Error(`the storefront refuses an order: ${body}`);
    return new Order(shop, (JSON.parse(body) as { id: string }).id, cookie);
  }

  get shipmentId(): string {
    return shipmentIdOf(this.id);
  }

  /** What the customer is told. */
  async view(): Promise<OrderView> {
    const { body } = await this.#shop.call('storefront', 'GET', `/api/orders/${this.id}`, {
      headers: this.#headers,
    });
    return JSON.parse(body) as OrderView;
  }

  /** Says, as the customer, that parcels go elsewhere from now on. */
  async move(): Promise<void> {
    const options = { headers: this.#headers, body: { ...ADDRESS, line1: NEW_STREET } };
    const { status, body } = await this.#shop.call('storefront', 'PUT', '/api/me/shipping-address', options);
    if (status >= 300) throw new Error(`the storefront refuses the new address: ${body}`);
  }

  /** Names of the events that the storefront has heard of this order, by its timeline, which stays open. */
  async heard(): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    try {
      const response = await fetch(`${this.#shop.urlOf('storefront')}/api/orders/${this.id}/timeline`, {
        headers: this.#headers,
        signal: AbortSignal.timeout(LISTEN_MS),
      });
      const decoder = new TextDecoder();
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        for (const [, name = ''] of text.matchAll(/"event":"([^"]+)"/g)) names.add(name);
      }
    } catch {
      // Time is up, or the storefront is away: what came is what there is.
    }
    return names;
  }
}

export interface OrderView {
  readonly status: string;
  readonly payment: { readonly status: string };
  readonly requests: readonly { readonly kind: string; readonly outcome: string }[];
}
