import type { EventContract } from '../platform/contract.ts';
import * as customer from './customer.ts';
import * as order from './order.ts';
import * as payment from './payment.ts';
import * as shipment from './shipment.ts';
import * as stock from './stock.ts';

/** The whole vocabulary, for docs, schemas and tests to walk. Services import what they use by file. */
export const vocabulary: readonly EventContract[] = [order, customer, payment, stock, shipment].flatMap(
  (noun) => Object.values(noun),
) as EventContract[];
