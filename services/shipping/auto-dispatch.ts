import type { Effects, Scope, TaskOrder } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import * as decide from './decide.ts';
import { apply, dispatching, type Deps, type OfOrder } from './handle.ts';
import type { Emits } from './shipment.ts';
import { pageOf, type Position } from './store.ts';

const PAGE = 500;
const byHand = { ignored: 'parcels are sent off by hand' } as const;

/** The parcel leaves by itself, if it still may. */
export async function dispatchDue(tx: Tx, data: OfOrder, scope: Scope<Deps>): Promise<Effects<Emits>> {
  return scope.deps.autoDispatch === undefined ? byHand : apply(decide.dispatch)(tx, { data }, scope);
}

/** Parcels that were prepared while they were sent off by hand leave by themselves now; a page of them at a time. */
export async function planDispatches(
  tx: Tx,
  { after }: { readonly after?: Position },
  { now, deps: { autoDispatch } }: Scope<Deps>,
): Promise<Effects<Emits>> {
  if (autoDispatch === undefined) return byHand;
  const prepared = await pageOf(tx, 'prepared', after, PAGE);
  const last = prepared.at(-1);
  return {
    tasks: [
      ...prepared.map((shipment) => dispatching(shipment, autoDispatch)),
      ...(last && prepared.length === PAGE ? [planning(now, last)] : []),
    ],
  };
}

export function planning(dueAt: Date, after?: Position): TaskOrder {
  const position = after && { heardAt: after.heardAt, orderId: after.orderId };
  return {
    kind: 'plan',
    key: after?.orderId ?? 'start',
    payload: position ? { after: position } : {},
    dueAt,
  };
}
