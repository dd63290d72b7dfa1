import { shippingAddressUpdated } from '../../../events/customer.ts';
import { orderAddressed, orderPlaced } from '../../../events/order.ts';
import { paymentAuthorized } from '../../../events/payment.ts';
import type { Address } from '../../../events/shapes.ts';
import { stockReserved } from '../../../events/stock.ts';
import type { EventContract } from '../../../platform/contract.ts';
import { shipping } from '../../../services/shipping/service.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';

export const CUSTOMER = orderPlaced.example.customerId;

export function startShipping(env: Record<string, string> = {}): Promise<TestService> {
  return startTestService(shipping, env);
}

const IDS = ['orderId', 'customerId', 'shipmentId'];

/** The address that a revision stands for: its line 1 tells them apart. */
export function addressOf(revision: number): Address {
  return { ...orderAddressed.example.address, line1: `Deichweg ${revision}` };
}

export function idsOf(orderId: string): { orderId: string; customerId: string } {
  return { orderId, customerId: CUSTOMER };
}

/** Tells the service about one order, every fact by its contract's example. */
export class Teller {
  readonly #service: TestService;

  constructor(service: TestService) {
    this.#service = service;
  }

  async say(contract: EventContract, orderId: string, more: Record<string, unknown> = {}): Promise<void> {
    const data = { ...contract.example, ...idsOf(orderId), ...more };
    const status = await this.#service.deliver(contract, data);
    if (status !== 204) throw new Error(`${contract.name} was answered ${status}`);
  }

  address(orderId: string, revision = 1, zone = 'domestic'): Promise<void> {
    return this.say(orderAddressed, orderId, { revision, zone, address: addressOf(revision) });
  }

  async change(revision: number, zone = 'domestic'): Promise<void> {
    const data = { customerId: CUSTOMER, revision, zone, address: addressOf(revision) };
    const status = await this.#service.deliver(shippingAddressUpdated, data);
    if (status !== 204) throw new Error(`the change was answered ${status}`);
  }

  /** Everything that a parcel needs. */
  async prepare(orderId: string): Promise<void> {
    await this.say(orderPlaced, orderId);
    await this.address(orderId);
    await this.say(paymentAuthorized, orderId);
    await this.say(stockReserved, orderId);
  }

  staff(method: string, path: string): Promise<Answer> {
    return this.#service.call(method, `/api/shipments${path}`, { staff: true });
  }

  async shipment(orderId: string): Promise<Answer['body']> {
    const { body } = await this.staff('GET', `/${shipmentIdOf(orderId)}`);
    return body;
  }

  /** What was said of an order, as short names with the part of the data that matters. */
  async told(orderId: string): Promise<Record<string, unknown>[]> {
    await this.#service.settle();
    return this.#service.sink.events
      .filter(({ data }) => data['orderId'] === orderId)
      .map(({ type, data }) => ({
        event: type.replace(/^shop\.tradewind\.shipment\.(\w+)\.v1$/, '$1'),
        ...Object.fromEntries(Object.entries(data).filter(([name]) => !IDS.includes(name))),
      }));
  }
}

export function shipmentIdOf(orderId: string): string {
  return orderId.replace('TW-', 'SHP-');
}
