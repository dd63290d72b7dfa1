import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { orderIdOf, paymentIdOf, shipmentIdOf } from '../../events/ids.ts';
import * as shapes from '../../events/shapes.ts';

const orderId = fc.oneof(
  fc.stringMatching(/^TW-[0-9A-Z]{1,32}$/),
  fc.stringMatching(/^(?:TW-|x-|SHP-)?[ -~]{1,40}$/),
);

describe('the names of shipments and payments', () => {
  it('are those of their order, and of no other', () => {
    fc.assert(
      fc.property(orderId, orderId, (one, other) => {
        expect(shapes.shipmentId.parse(shipmentIdOf(one))).toBe(shipmentIdOf(one));
        expect(shapes.paymentId.parse(paymentIdOf(one))).toBe(paymentIdOf(one));
        expect(orderIdOf(shipmentIdOf(one))).toBe(one);
        expect(shipmentIdOf(one) === shipmentIdOf(other)).toBe(one === other);
        expect(paymentIdOf(one) === paymentIdOf(other)).toBe(one === other);
      }),
    );
  });

  it('are told from others', () => {
    expect(orderIdOf('TW-4Q7K2M9XJ3PA')).toBeUndefined();
    expect(shipmentIdOf(shapes.sample.orderId)).toBe(shapes.sample.shipmentId);
    expect(paymentIdOf(shapes.sample.orderId)).toBe(shapes.sample.paymentId);
    expect(shipmentIdOf('4Q7K2M9XJ3PA')).not.toBe(shapes.sample.shipmentId);
  });
});
