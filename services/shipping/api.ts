import { z } from 'zod';
import { orderIdOf } from '../../events/ids.ts';
import { problems } from '../../platform/errors.ts';
import { routeFor, type Reply, type RouteContext } from '../../platform/http/route.ts';
import type { Reader } from '../../platform/store/store.ts';
import { cursor, cursorAfter } from './cursor.ts';
import * as decide from './decide.ts';
import { store, type Deps } from './handle.ts';
import { stateOf, STATES, type Decision, type Emits, type Shipment, type State } from './shipment.ts';
import { labelsOf, pageOf, shipments } from './store.ts';
import { shipmentView, shipmentWithLabels, stateText, viewOf } from './view.ts';

const route = routeFor<Emits, Deps>();
const MAX_PAGE = 500;
const PAGE_SIZE = `must be a whole number from 1 to ${MAX_PAGE}`;
/** Where people live is not left in caches. */
const unseen = { 'cache-control': 'no-store' } as const;
const notThere = { description: 'no such shipment' };

const params = z.object({ id: z.string().min(1).max(64).describe('id of the shipment, SHP-…') });

export const listShipments = route({
  method: 'get',
  path: '/api/shipments',
  summary: 'Shipments, the oldest first',
  auth: 'staff',
  query: z.object({
    state: z.enum(STATES).optional(),
    limit: z.coerce.number(PAGE_SIZE).int(PAGE_SIZE).min(1, PAGE_SIZE).max(MAX_PAGE, PAGE_SIZE).default(100),
    cursor: cursor.optional().describe('the "next" of the page before'),
  }),
  responses: {
    200: {
      description: 'a page; `next` is the cursor of the following one, absent on the last',
      schema: z.object({ items: z.array(shipmentView), next: z.string().optional() }),
    },
  },
  handle: async ({ query: { state, limit, cursor: after } }, { read }) => {
    const found = await pageOf(read, state, after, limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? { next: cursorAfter(last) } : {};
    return { status: 200, headers: unseen, body: { items: items.map(viewOf), ...next } };
  },
});

export const getShipment = route({
  method: 'get',
  path: '/api/shipments/:id',
  summary: 'One shipment with its labels',
  auth: 'staff',
  params,
  responses: { 200: { description: 'the shipment', schema: shipmentWithLabels }, 404: notThere },
  handle: async ({ params: { id } }, { read }) => {
    const found = await find(read, id);
    const labels = await labelsOf(read, found.orderId);
    return { status: 200, headers: unseen, body: { ...viewOf(found), labels } };
  },
});

export const dispatchShipment = route({
  method: 'post',
  path: '/api/shipments/:id/dispatch',
  summary: 'Hand a parcel over to the carrier',
  auth: 'staff',
  params,
  responses: {
    200: { description: 'it has left, now or before', schema: shipmentView },
    404: notThere,
    409: { description: 'it is not prepared, or must not leave' },
  },
  handle: ({ params: { id } }, context) => move(context, id, decide.dispatch, ['dispatched', 'delivered']),
});

export const deliverShipment = route({
  method: 'post',
  path: '/api/shipments/:id/delivery',
  summary: 'Say that a parcel has arrived',
  auth: 'staff',
  params,
  responses: {
    200: { description: 'it has arrived, now or before', schema: shipmentView },
    404: notThere,
    409: { description: 'it is not on its way' },
  },
  handle: ({ params: { id } }, context) => move(context, id, decide.deliver, ['delivered']),
});

export const getLabel = route({
  method: 'get',
  path: '/api/shipments/:id/label.pdf',
  summary: 'The label to print, for the present address',
  auth: 'staff',
  params,
  responses: {
    200: { description: 'a PDF, A6', contentType: 'application/pdf' },
    404: notThere,
    409: { description: 'it is not prepared, or must not leave' },
  },
  handle: async ({ params: { id } }, { read, deps: { sender } }): Promise<Reply> => {
    const found = await find(read, id);
    const { orderId, destination, label } = found;
    if (!label || !destination || !LABELLED.has(stateOf(found))) {
      throw problems.conflict(
        `shipment "${id}" has no label: it is ${stateText(found)}; a parcel is labelled when it is prepared`,
      );
    }
    // Loaded on demand: fonts and PDF are heavy, and a service that only moves parcels needs neither.
    const { renderLabel } = await import('./label/label.ts');
    const content = await renderLabel({ orderId, sender, label, address: destination.address });
    const headers = { ...unseen, 'content-disposition': `inline; filename="${label.trackingNumber}.pdf"` };
    return { status: 200, headers, bytes: { type: 'application/pdf', content } };
  },
});

const LABELLED: ReadonlySet<State> = new Set(['prepared', 'dispatched', 'delivered']);

/** Applies a rule of the staff's; what was done before is answered like what is done now. */
function move(
  { commit }: RouteContext<Emits, Deps>,
  id: string,
  rule: (shipment: Shipment, now: string) => Decision,
  done: readonly State[],
): Promise<Reply> {
  return commit(async (tx, scope) => {
    const found = await find(tx, id);
    const decision = rule(found, scope.now.toISOString());
    if (decision.ignored !== undefined && !done.includes(stateOf(found))) {
      throw problems.conflict(`shipment "${id}" is ${stateText(found)}`);
    }
    const reply = { status: 200, headers: unseen, body: viewOf(decision.shipment) };
    return [reply, await store(tx, decision, scope)];
  });
}

async function find(reader: Reader, id: string): Promise<Shipment> {
  const orderId = orderIdOf(id);
  const found = orderId === undefined ? undefined : await shipments.find(reader, orderId);
  if (!found) throw problems.notFound(`there is no shipment "${id}"`);
  return found;
}
