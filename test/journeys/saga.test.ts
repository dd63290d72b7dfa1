import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Customer } from '../support/customer.ts';
import { homeAddress } from '../support/customer.ts';
import { engine, numRuns } from '../support/data.ts';
import { shipmentIdOf } from '../support/shop.ts';
import { World, type Arrival } from '../support/world.ts';
import { chargesIn } from '../services/payment/charges.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const PLENTY = 'TW-ROPE-10';
const SCARCE = 'TW-ROPE-20';
const OPENING = 1_000_000;
/** So many that every end is as good as certain to occur, on either engine. */
const MIN_RUNS = 60;

type Step =
  | { readonly kind: 'arrive'; readonly nth: number; readonly arrival: Arrival }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'move'; readonly country: string; readonly house: number }
  | { readonly kind: 'cancel' | 'dispatch' | 'delivery' };

const arrive = fc.record({
  kind: fc.constant('arrive' as const),
  nth: fc.nat(50),
  arrival: fc.constantFrom<Arrival>('once', 'once', 'once', 'once', 'once', 'again', 'retold'),
});
const wait = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.constantFrom(6000, 11 * MINUTE, 16 * MINUTE, 61 * MINUTE, 6.5 * DAY),
});
const move = fc.record({
  kind: fc.constant('move' as const),
  country: fc.constantFrom('DE', 'DE', 'FR'),
  house: fc.nat(99),
});
const act = (kind: 'cancel' | 'dispatch' | 'delivery') => fc.constant({ kind });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: arrive, weight: 40 },
  { arbitrary: act('dispatch'), weight: 4 },
  { arbitrary: act('delivery'), weight: 2 },
  { arbitrary: act('cancel'), weight: 1 },
  { arbitrary: move, weight: 2 },
  { arbitrary: wait, weight: 1 },
);

/** One order: how it is paid, whether it can be had, who is away at first, and everything that happens. */
const story = fc.record({
  paymentToken: fc.constantFrom(
    'tok_visa',
    'tok_visa',
    'tok_visa',
    'tok_declined',
    'tok_insufficient',
    'tok_slow',
    'tok_lost',
    'tok_expires',
    'tok_expires_declined',
    'tok_unheard_of',
  ),
  sku: fc.constantFrom(PLENTY, PLENTY, PLENTY, SCARCE),
  away: fc.option(fc.constantFrom('storefront', 'payment', 'inventory', 'shipping')),
  steps: fc.array(step, { minLength: 10, maxLength: 60 }),
  rest: fc.array(fc.nat(50), { minLength: 3, maxLength: 10 }),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** Where an order may end, and what everybody must then say of it. */
const ends: Readonly<
  Record<
    string,
    { readonly shipment: string; readonly stock: readonly string[]; readonly payment: readonly string[] }
  >
> = {
  confirmed: { shipment: 'prepared', stock: ['held'], payment: ['authorized'] },
  shipped: { shipment: 'dispatched', stock: ['committed'], payment: ['captured', 'capture_failed'] },
  delivered: { shipment: 'delivered', stock: ['committed'], payment: ['captured', 'capture_failed'] },
  rejected: {
    shipment: 'closed',
    stock: ['none', 'rejected', 'released'],
    payment: ['declined', 'voided', 'closed'],
  },
  cancelled: {
    shipment: 'cancelled',
    stock: ['none', 'rejected', 'released'],
    payment: ['declined', 'voided', 'closed'],
  },
  expired: {
    shipment: 'cancelled',
    stock: ['none', 'rejected', 'released'],
    payment: ['declined', 'voided', 'closed'],
  },
};

describe('an order, whatever arrives when and how often', () => {
  let world: World;
  beforeAll(async () => {
    // A call that comes late fails, and waits for a time that only this test lets pass.
    const patience = engine === 'sqlite' ? '20ms' : '500ms';
    const env = { SESSION_SECRET: 'session-secret-for-tests-0123456789', GATEWAY_TIMEOUT: patience };
    world = await World.open(env);
    await world.service('inventory').store.write(async (tx) => {
      await tx.run('update stock set on_hand = $1 where sku = $2', OPENING, PLENTY);
      await tx.run('update stock set on_hand = 0 where sku = $1', SCARCE);
    });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('ends the same for everybody: one parcel or none, paid once or not at all, with nothing left to do', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        seen.add(await new Run(world, told).play().catch((error) => failed(error, world)));
        await judgeStock(world);
      }),
      { numRuns: Math.max(MIN_RUNS, numRuns(MIN_RUNS)) },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['cancelled', 'delivered', 'expired', 'rejected']));
  }, 300_000);
});

/** One order's life, told and then judged. */
class Run {
  readonly #world: World;
  readonly #story: Story;
  readonly #customer: Customer;
  #id = '';

  constructor(world: World, told: Story) {
    this.#world = world;
    this.#story = told;
    this.#customer = world.customer();
  }

  /** @returns how the order ended. */
  async play(): Promise<string> {
    const { paymentToken, sku, steps, rest } = this.#story;
    this.#world.forget();
    this.#id = await this.#customer.place({ paymentToken, lines: [{ sku, quantity: 1 }] });
    await this.#world.settle();
    for (const [index, next] of steps.entries()) await this.#do(next, index < steps.length / 2);
    // Past the order's deadline and past the reservation's, with all that follows.
    for (const ms of [0, 16 * MINUTE, 61 * MINUTE]) {
      await this.#world.advance(ms);
      await this.#world.deliverAll(rest);
    }
    let status = await this.#judge();
    for (const next of ['dispatch', 'delivery'] as const) {
      if (status !== 'confirmed' && status !== 'shipped') return status;
      await this.#staff(next);
      await this.#world.deliverAll(rest);
      // What the gateway was too slow for is asked once more.
      await this.#world.advance(MINUTE);
      await this.#world.deliverAll(rest);
      status = await this.#judge();
    }
    return status;
  }

  async #do(next: Step, early: boolean): Promise<void> {
    switch (next.kind) {
      case 'arrive':
        return this.#arrive(next.nth, next.arrival, early);
      case 'wait':
        return this.#world.advance(next.ms);
      case 'cancel':
        await this.#customer.cancel(this.#id);
        return this.#world.settle();
      case 'move':
        await this.#customer.moveTo({
          ...homeAddress,
          line1: `Deichweg ${next.house}`,
          country: next.country,
        });
        return this.#world.settle();
      default:
        return this.#staff(next.kind);
    }
  }

  async #arrive(nth: number, arrival: Arrival, early: boolean): Promise<void> {
    const { pending } = this.#world;
    const reachable = [...pending.keys()].filter(
      (index) => !early || pending[index]?.to !== this.#story.away,
    );
    const index = reachable[nth % reachable.length];
    if (index !== undefined) await this.#world.deliver(index, arrival);
  }

  async #staff(what: 'dispatch' | 'delivery'): Promise<void> {
    await this.#world.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(this.#id)}/${what}`);
  }

  async #judge(): Promise<string> {
    const { body: view } = await this.#customer.order(this.#id);
    const { body: shipment } = await this.#world.staff(
      'shipping',
      'GET',
      `/api/shipments/${shipmentIdOf(this.#id)}`,
    );
    const { body: payment } = await this.#world.staff('payment', 'GET', `/api/payments/${this.#id}`);
    const end = ends[view.status];
    expect(end).toBeDefined();
    expect(shipment.state).toBe(end?.shipment);
    expect(end?.stock).toContain(await this.#hold());
    expect(end?.payment).toContain(payment.status);
    // What the customer is told of the money is what payment says.
    expect(view.payment.status).toBe(payment.status === 'closed' ? 'not_charged' : payment.status);
    expect(view.requests.filter(({ outcome }: { outcome: string }) => outcome === 'pending')).toEqual([]);
    if (view.shipment && shipment.address) expect(view.shipment.address).toEqual(shipment.address);
    await this.#judgeMoney(payment, view.total.amount);
    expect(await this.#tasks()).toEqual(payment.status === 'authorized' ? expect.any(Array) : []);
    return view.status;
  }

  /** The provider's own books: nothing is taken twice, nothing stays held that nobody waits for. */
  async #judgeMoney(
    payment: { status: string; captured: number; refunded: number },
    total: number,
  ): Promise<void> {
    const all = await chargesIn(this.#world.data);
    const charges = all.filter((charge) => charge.order_id === this.#id);
    const taken = charges.reduce((sum, { captured, refunded }) => sum + captured - refunded, 0);
    expect(taken).toBe(payment.status === 'captured' ? total : 0);
    expect(taken).toBe(payment.captured - payment.refunded);
    const held = charges.filter(
      ({ amount, captured, voided, expires_at: until }) =>
        captured + voided < amount && Date.parse(until) > this.#world.now.getTime(),
    );
    expect(held.length).toBeLessThanOrEqual(payment.status === 'authorized' ? 1 : 0);
  }

  async #hold(): Promise<string> {
    const row = await this.#world
      .service('inventory')
      .store.read.get<{ hold: string }>('select hold from reservations where order_id = $1', this.#id);
    return row?.hold ?? 'none';
  }

  async #tasks(): Promise<unknown[]> {
    const found = ['storefront', 'payment', 'inventory', 'shipping'].map((name) =>
      this.#world
        .service(name)
        .store.read.all(
          'select kind, task_key, last_error from tasks where task_key like $1',
          `%${this.#id.slice(3)}%`,
        ),
    );
    return (await Promise.all(found)).flat();
  }
}

/** Every parcel that left took its piece along, and nothing stays set aside. */
async function judgeStock(world: World): Promise<void> {
  const { read } = world.service('inventory').store;
  const gone = await read.get<{ n: number }>(
    "select count(*) as n from reservations where hold = 'committed'",
  );
  const level = await read.get('select on_hand, reserved from stock where sku = $1', PLENTY);
  expect(level).toEqual({ on_hand: OPENING - (gone?.n ?? 0), reserved: 0 });
}

function failed(error: Error, world: World): never {
  throw new Error([error.message, 'What happened:', ...world.log].join('\n'), { cause: error });
}
