import { z } from 'zod';
import { defineEvent } from './define.ts';
import { address, contact, customerId, revision, sample, zone } from './shapes.ts';

const type = 'shop.tradewind.customer.updated.v1';
const route = {
  subject: (data: { customerId: string }) => data.customerId,
  partitionKey: (data: { customerId: string }) => data.customerId,
  correlation: (data: { customerId: string }) => data.customerId,
  sequence: (data: { revision: number }) => data.revision,
};

/** A customer moved. Shipping alone gets it, and sorts through that customer's pending shipments. */
export const shippingAddressUpdated = defineEvent({
  name: 'customer.updated/shippingaddress',
  type,
  attributes: { change: 'shippingaddress' },
  emitter: 'storefront',
  classification: 'confidential',
  summary:
    'The customer’s shipping address changed; the full new address, with a higher revision than any before.',
  schema: z.object({ customerId, revision, zone, address }),
  route,
  example: {
    customerId: sample.customerId,
    revision: 2,
    zone: 'domestic',
    address: { ...sample.address, line1: 'Deichweg 3', postalCode: '20459' },
  },
});

/** A customer's name or e-mail address changed. */
export const contactUpdated = defineEvent({
  name: 'customer.updated/contact',
  type,
  attributes: { change: 'contact' },
  emitter: 'storefront',
  classification: 'confidential',
  summary: 'The customer’s contact was given or changed; for the one service that writes to customers.',
  schema: z.object({ customerId, revision, contact }),
  route,
  example: {
    customerId: sample.customerId,
    revision: 1,
    contact: { name: 'Ada Lindqvist', email: 'ada@example.com' },
  },
});
