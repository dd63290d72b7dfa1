import { z } from 'zod';
import { address } from '../../events/shapes.ts';
import { problems } from '../../platform/errors.ts';
import { routeFor, type Reply, type RouteContext } from '../../platform/http/route.ts';
import type { Reader } from '../../platform/store/store.ts';
import * as decide from './decide.ts';
import { store, type Deps } from './handle.ts';
import {
  shipmentIdOf,
  stateOf,
  STATES,
  type Decision,
  type Emits,
  type Shipment,
  type State,
} from './shipment.ts';
import { labelsOf, pageOf, shipments, type Position } from './store.ts';

const route = routeFor<Emits, Deps>();
const MAX_PAGE = 500;

const shipment = z.object({
  id: z.string(),
  orderId: z.string(),
  customerId: z.string(),
  state: z.enum(STATES),
  reason: z.string().optional().describe('why it is cancelled or closed'),
  lines: z.array(z.object({ sku: z.string(), name: z.string(), quantity: z.int() })),
  address: address.optional(),
  addressRevision: z.int().optional(),
  trackingNumber: z.string().optional(),
  preparedAt: z.iso.datetime().optional(),
  dispatchedAt: z.iso.datetime().optional(),
  deliveredAt: z.iso.datetime().optional(),
});
type View = z.infer<typeof shipment>;

const withLabels = shipment.extend({
  labels: z
    .array(z.object({ revision: z.int(), createdAt: z.iso.datetime() }))
    .describe('one per address it was labelled with; the last one counts'),
});

const params = z.object({ id: z.string().min(1).max(64).describe('id of the shipment, SHP-…') });

export const listShipments = route({
  method: 'get',
  path: '/api/shipments',
  summary: 'Shipments, the oldest first',
  auth: 'staff',
  query: z.object({
    state: z.enum(STATES).optional(),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
    cursor: z
      .string()
      .regex(/^[^~]+~.+$/, 'must be the "next" of the page before')
      .optional(),
  }),
  responses: {
    200: {
      description: 'a page; `next` is the cursor of the following one, absent on the last',
      schema: z.object({ items: z.array(shipment), next: z.string().optional() }),
    },
  },
  handle: async ({ query: { state, limit, cursor } }, { read }) => {
    const found = await pageOf(read, state, cursor === undefined ? undefined : positionOf(cursor), limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? `${last.heardAt}~${last.orderId}` : undefined;
    return { status: 200, body: { items: items.map(viewOf), ...(next === undefined ? {} : { next }) } };
  },
});

export const getShipment = route({
  method: 'get',
  path: '/api/shipments/:id',
  summary: 'One shipment with its labels',
  auth: 'staff',
  params,
  responses: { 200: { description: 'the shipment', schema: withLabels } },
  handle: async ({ params: { id } }, { read }) => {
    const found = await find(read, id);
    return { status: 200, body: { ...viewOf(found), labels: await labelsOf(read, found.orderId) } };
  },
});

export const dispatchShipment = route({
  method: 'post',
  path: '/api/shipments/:id/dispatch',
  summary: 'Hand a parcel over to the carrier',
  auth: 'staff',
  params,
  responses: { 200: { description: 'it has left, now or before', schema: shipment } },
  handle: ({ params: { id } }, context) => move(context, id, decide.dispatch, ['dispatched', 'delivered']),
});

export const deliverShipment = route({
  method: 'post',
  path: '/api/shipments/:id/delivery',
  summary: 'Say that a parcel has arrived',
  auth: 'staff',
  params,
  responses: { 200: { description: 'it has arrived, now or before', schema: shipment } },
  handle: ({ params: { id } }, context) => move(context, id, decide.deliver, ['delivered']),
});

export const getLabel = route({
  method: 'get',
  path: '/api/shipments/:id/label.pdf',
  summary: 'The label to print, for the present address',
  auth: 'staff',
  params,
  responses: { 200: { description: 'a PDF, A6', contentType: 'application/pdf' } },
  handle: async ({ params: { id } }, { read }): Promise<Reply> => {
    const { orderId, destination, label, ...rest } = await find(read, id);
    if (!label || !destination) {
      throw problems.conflict(
        `shipment "${id}" has no label yet: it is ${stateOf({ orderId, ...rest })}, and labelled when it is prepared`,
      );
    }
    // Loaded on demand: fonts and PDF are heavy, and a service that only moves parcels needs neither.
    const { renderLabel } = await import('./label.ts');
    const content = await renderLabel({ orderId, destination, label });
    const headers = { 'content-disposition': `inline; filename="${label.trackingNumber}.pdf"` };
    return { status: 200, headers, bytes: { type: 'application/pdf', content } };
  },
});

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
    if (decision.ignored === undefined) {
      return [{ status: 200, body: viewOf(decision.shipment) }, await store(tx, decision, scope)];
    }
    const state = stateOf(found);
    if (done.includes(state)) return [{ status: 200, body: viewOf(found) }, {}];
    const reason = reasonOf(found);
    throw problems.conflict(`shipment "${id}" is ${state}${reason === undefined ? '' : ` (${reason})`}`);
  });
}

async function find(reader: Reader, id: string): Promise<Shipment> {
  const suffix = id.startsWith('SHP-') ? id.slice(4) : undefined;
  const found =
    suffix !== undefined &&
    ((await shipments.find(reader, `TW-${suffix}`)) ?? (await shipments.find(reader, suffix)));
  if (!found) throw problems.notFound(`there is no shipment "${id}"`);
  return found;
}

function viewOf(found: Shipment): View {
  const { orderId, customerId, lines = [], destination, label, dispatchedAt, deliveredAt } = found;
  const reason = reasonOf(found);
  return {
    id: shipmentIdOf(orderId),
    orderId,
    customerId,
    state: stateOf(found),
    ...(reason === undefined ? {} : { reason }),
    lines: [...lines],
    ...(destination ? { address: destination.address, addressRevision: destination.revision } : {}),
    ...label,
    ...(dispatchedAt === undefined ? {} : { dispatchedAt }),
    ...(deliveredAt === undefined ? {} : { deliveredAt }),
  };
}

function reasonOf({ cancelled, closed }: Shipment): string | undefined {
  return cancelled ?? closed;
}

function positionOf(cursor: string): Position {
  const [heardAt = '', orderId = ''] = cursor.split('~');
  return { heardAt, orderId };
}
