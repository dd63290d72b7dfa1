import { paymentAway, shippingAway } from './cases/away.ts';
import { events, poison } from './cases/events.ts';
import { address, declined, shipped } from './cases/orders.ts';
import { selfTest, uninstall } from './cases/release.ts';
import { pods, replicas, upgrade } from './cases/restarts.ts';
import type { Case } from './stage.ts';

/** All cases, in the order they run in: an upgrade after the scaling, whose traces it has to get over; the end last. */
export const cases: readonly Case[] = [
  shipped,
  declined,
  address,
  selfTest,
  events,
  poison,
  shippingAway,
  paymentAway,
  pods,
  upgrade,
  replicas,
  uninstall,
];
