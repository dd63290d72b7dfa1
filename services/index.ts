import type { AnyServiceCard } from '../platform/service.ts';
import { inventory } from './inventory/service.ts';
import { ledger } from './ledger/service.ts';
import { payment } from './payment/service.ts';
import { shipping } from './shipping/service.ts';
import { storefront } from './storefront/service.ts';

/** Every service of the shop. */
export const services: readonly AnyServiceCard[] = [
  storefront, // the first one has the shop's first port
  payment,
  inventory,
  shipping,
  ledger,
];
