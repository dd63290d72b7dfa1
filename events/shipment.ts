import { z } from 'zod';
import { defineEvent } from './define.ts';
import { instant, ofOrder, orderRoute, revision, sample, shipmentId } from './shapes.ts';

const ofShipment = { ...ofOrder, shipmentId };
const example = { orderId: sample.orderId, customerId: sample.customerId, shipmentId: sample.shipmentId };
const trackingNumber = z.string().min(1).max(32).describe('as on the label');
const addressRevision = revision.describe('of the address on the label');
const changeRevision = revision.describe('of the address change that this answers');
const common = {
  emitter: 'shipping',
  route: { ...orderRoute, subject: (data: { shipmentId: string }) => data.shipmentId },
};

/** Paid and in stock: the parcel is packed and labelled. */
export const shipmentPrepared = defineEvent({
  ...common,
  name: 'shipment.prepared',
  summary: 'Payment and stock are there: the parcel is labelled and has a tracking number.',
  schema: z.object({ ...ofShipment, trackingNumber, addressRevision }),
  example: { ...example, trackingNumber: 'TW4Q7K2M9XJ3PA6', addressRevision: 1 },
});

/** A changed address reached a parcel that had not left. */
export const shipmentReaddressed = defineEvent({
  ...common,
  name: 'shipment.readdressed',
  summary:
    'The parcel had not left yet and now goes to the customer’s new address; an existing label was replaced.',
  schema: z.object({
    ...ofShipment,
    revision: changeRevision,
    relabelled: z.boolean().describe('whether a label was there already'),
  }),
  route: { ...common.route, sequence: (data) => data.revision },
  example: { ...example, revision: 2, relabelled: true },
});

/** A changed address came too late, or does not fit what was paid. */
export const shipmentAddressRefused = defineEvent({
  ...common,
  name: 'shipment.addressrefused',
  summary: 'The parcel keeps its old address, and this is why.',
  schema: z.object({
    ...ofShipment,
    revision: changeRevision,
    reason: z.enum(['already_dispatched', 'cancelled', 'other_fee_zone']),
  }),
  route: { ...common.route, sequence: (data) => data.revision },
  example: { ...example, revision: 2, reason: 'already_dispatched' },
});

/** The parcel was handed over. From here on nothing is changed quietly. */
export const shipmentDispatched = defineEvent({
  ...common,
  name: 'shipment.dispatched',
  summary: 'The parcel was handed over to the carrier.',
  schema: z.object({
    ...ofShipment,
    trackingNumber,
    addressRevision,
    dispatchedAt: instant.describe('when the carrier took it'),
  }),
  example: { ...example, trackingNumber: 'TW4Q7K2M9XJ3PA6', addressRevision: 2, dispatchedAt: sample.later },
});

/** The parcel arrived. */
export const shipmentDelivered = defineEvent({
  ...common,
  name: 'shipment.delivered',
  summary: 'The parcel was delivered.',
  schema: z.object({ ...ofShipment, deliveredAt: instant.describe('when it was handed to the recipient') }),
  example: { ...example, deliveredAt: '2026-11-26T14:05:00.000Z' },
});

/** The parcel will not leave. Payment and stock compensate. */
export const shipmentCancelled = defineEvent({
  ...common,
  name: 'shipment.cancelled',
  summary: 'The parcel will not leave: payment lets the money go, inventory the stock.',
  schema: z.object({
    ...ofShipment,
    reason: z.enum(['requested', 'order_expired', 'reservation_expired', 'payment_lapsed']),
  }),
  example: { ...example, reason: 'requested' },
});

/** Too late to cancel. */
export const shipmentCancellationRefused = defineEvent({
  ...common,
  name: 'shipment.cancellationrefused',
  summary: 'The parcel has left already, so the order cannot be cancelled any more.',
  schema: z.object({ ...ofShipment, reason: z.enum(['already_dispatched']) }),
  example: { ...example, reason: 'already_dispatched' },
});
