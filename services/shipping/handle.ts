import type { orderAddressed, orderPlaced } from '../../events/order.ts';
import type { shippingAddressUpdated } from '../../events/customer.ts';
import {
  recurring,
  type Effects,
  type Received,
  type Scope,
  type TaskOrder,
} from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import * as decide from './decide.ts';
import { addressed as decideAddressed, changeAddress } from './readdress.ts';
import { stateOf, type Decision, type Emits, type Shipment } from './shipment.ts';
import {
  addLabel,
  changesAbove,
  concernedBy,
  forgetChanges,
  keepChange,
  shipments,
  takeTurn,
} from './store.ts';

export interface Deps {
  /** Milliseconds after its preparation at which a parcel leaves by itself; `undefined`: staff sends it off. */
  readonly autoDispatch: number | undefined;
  /** Milliseconds for which address changes are kept. */
  readonly keepChanges: number;
  /** Who sends the parcels, in one line. */
  readonly sender: string;
}

export interface OfOrder {
  readonly orderId: string;
  readonly customerId: string;
}

const DAY_MS = 86_400_000;

export function placed(
  tx: Tx,
  { data }: Received<typeof orderPlaced>,
  scope: Scope<Deps>,
): Promise<Effects<Emits>> {
  const lines = data.lines.map(({ sku, name, quantity }) => ({ sku, name, quantity }));
  return apply((shipment, now) => decide.placed(shipment, lines, now))(tx, { data }, scope);
}

export async function addressed(
  tx: Tx,
  { data }: Received<typeof orderAddressed>,
  scope: Scope<Deps>,
): Promise<Effects<Emits>> {
  const { revision, zone, address } = data;
  await takeTurn(tx, data.customerId);
  const changes = await changesAbove(tx, data.customerId, revision);
  const rule = (shipment: Shipment, now: string): Decision =>
    decideAddressed(shipment, { revision, zone, address }, changes, now);
  return apply(rule)(tx, { data }, scope);
}

/** Sorts through the customer's shipments. The change is kept too, for orders that have not come yet. */
export async function addressUpdated(
  tx: Tx,
  { data }: Received<typeof shippingAddressUpdated>,
  scope: Scope<Deps>,
): Promise<Effects<Emits>> {
  const { customerId, ...change } = data;
  await takeTurn(tx, customerId);
  if (!(await keepChange(tx, customerId, change, scope.now))) return { ignored: 'this revision is known' };
  const emit: NonNullable<Effects<Emits>['emit']>[number][] = [];
  for (const shipment of await concernedBy(tx, customerId, scope.now)) {
    const effects = await store(tx, changeAddress(shipment, change), scope);
    emit.push(...(effects.emit ?? []));
  }
  return { emit };
}

/** A handler that applies one rule to the order's shipment. */
export function apply(rule: (shipment: Shipment, now: string) => Decision) {
  return async (
    tx: Tx,
    { data }: { readonly data: OfOrder },
    scope: Scope<Deps>,
  ): Promise<Effects<Emits>> => {
    const now = scope.now.toISOString();
    return store(tx, rule(await load(tx, data, now), now), scope);
  };
}

/** Address changes are forgotten when no order can be waiting for them any more. */
export const forget = recurring<Emits, Deps>('forget-changes', DAY_MS, (tx, { now, deps }) =>
  forgetChanges(tx, new Date(now.getTime() - deps.keepChanges)),
);

/** Stores a decision with its label, and orders or calls off what is to happen later. */
export async function store(
  tx: Tx,
  { shipment, emit = [], labelled, ignored }: Decision,
  { now, deps }: Scope<Deps>,
): Promise<Effects<Emits>> {
  if (ignored !== undefined) return { ignored };
  await shipments.save(tx, shipment);
  if (labelled) await addLabel(tx, shipment, now);
  const prepared = emit.some((fact) => fact.event === 'shipment.prepared');
  const { autoDispatch } = deps;
  if (prepared && autoDispatch !== undefined) return { emit, tasks: [dispatching(shipment, autoDispatch)] };
  const over = shipment.label !== undefined && stateOf(shipment) !== 'prepared';
  return { emit, cancel: over ? [{ kind: 'dispatch', key: shipment.orderId }] : [] };
}

/** The order to send a parcel off; of two the earlier one counts. */
export function dispatching({ orderId, customerId, label }: Shipment, delayMs: number): TaskOrder {
  const dueAt = new Date(Date.parse(label?.preparedAt ?? '') + delayMs);
  return { kind: 'dispatch', key: orderId, payload: { orderId, customerId }, dueAt };
}

async function load(tx: Tx, { orderId, customerId }: OfOrder, now: string): Promise<Shipment> {
  return (await shipments.find(tx, orderId)) ?? decide.newShipment(orderId, customerId, now);
}
