import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { shipmentPrepared } from '../../../events/shipment.ts';
import { trackingNumberOf } from '../../../services/shipping/tracking.ts';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

describe('a tracking number', () => {
  it('is the order’s own code with a check digit', () => {
    expect(trackingNumberOf(shipmentPrepared.example.orderId)).toBe(shipmentPrepared.example.trackingNumber);
  });

  it('fits a label, whatever the order is called', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(?:TW-)?[ -~]{1,50}$/), (orderId) => {
        expect(trackingNumberOf(orderId)).toMatch(new RegExp(`^TW[${CROCKFORD}]{1,20}\\d$`));
        expect(trackingNumberOf(orderId)).toBe(trackingNumberOf(orderId));
      }),
    );
  });

  it('tells orders apart that are called almost the same', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `TW-ORDER${index}`);
    expect(new Set(names.map(trackingNumberOf)).size).toBe(names.length);
  });

  it('shows most slips of a typing hand: nine wrong letters of ten', () => {
    const good = trackingNumberOf('TW-4Q7K2M9XJ3PA').slice(2, -1);
    const slips = Array.from(good).flatMap((right, place) =>
      Array.from(CROCKFORD)
        .filter((wrong) => wrong !== right)
        .map((wrong) => good.slice(0, place) + wrong + good.slice(place + 1)),
    );
    const digit = trackingNumberOf(`TW-${good}`).at(-1);
    const unseen = slips.filter((slip) => trackingNumberOf(`TW-${slip}`).at(-1) === digit);
    expect(unseen.length / slips.length).toBeLessThan(0.1);
  });
});
