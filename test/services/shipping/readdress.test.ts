import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import * as decide from '../../../services/shipping/decide.ts';
import { addressed, changeAddress } from '../../../services/shipping/readdress.ts';
import type { Decision, Destination, Shipment } from '../../../services/shipping/shipment.ts';
import { addressOf } from './parcels.ts';

const NOW = '2026-11-24T10:00:00.000Z';
const ids = { orderId: 'TW-4Q7K2M9XJ3PA', customerId: 'cus-1', shipmentId: 'SHP-4Q7K2M9XJ3PA' };

function to(revision: number, zone = 'domestic'): Destination {
  return { revision, zone, address: addressOf(revision) };
}

const unaddressed = decide.newShipment(ids.orderId, ids.customerId, NOW);
const waiting = addressed(unaddressed, to(2), [], NOW).shipment;
const rules: readonly ((shipment: Shipment) => Decision)[] = [
  (shipment) => decide.placed(shipment, [], NOW),
  (shipment) => decide.authorized(shipment, NOW),
  (shipment) => decide.reserved(shipment, NOW),
];
const prepared = rules.reduce((shipment, rule) => rule(shipment).shipment, waiting);
const dispatched = decide.dispatch(prepared, NOW).shipment;
const delivered = decide.deliver(dispatched, NOW).shipment;
const cancelled = decide.cancellationRequested(prepared, NOW).shipment;
const closed = decide.close(waiting, 'payment_declined').shipment;

function refusal(revision: number, reason: string) {
  return [{ event: 'shipment.addressrefused', data: { ...ids, revision, reason } }];
}

describe('a changed address', () => {
  it('replaces that of a parcel that waits', () => {
    const { shipment, emit, labelled } = changeAddress(waiting, to(3));
    expect(shipment.destination).toEqual(to(3));
    expect(labelled).toBe(false);
    expect(emit).toEqual([
      { event: 'shipment.readdressed', data: { ...ids, revision: 3, relabelled: false } },
    ]);
  });

  it('asks for a new label when there is one already', () => {
    const { shipment, emit, labelled } = changeAddress(prepared, to(3));
    expect(shipment.destination).toEqual(to(3));
    expect(labelled).toBe(true);
    expect(emit).toEqual([
      { event: 'shipment.readdressed', data: { ...ids, revision: 3, relabelled: true } },
    ]);
  });

  it.each([1, 2])('of revision %i is older than the parcel’s own', (revision) => {
    expect(changeAddress(prepared, to(revision))).toEqual({
      shipment: prepared,
      ignored: 'an older revision',
    });
  });

  it('waits while its order has not told where it goes', () => {
    expect(changeAddress(unaddressed, to(3))).toMatchObject({ shipment: unaddressed });
  });

  it.each([
    ['that has left', dispatched, 'already_dispatched'],
    ['that has arrived', delivered, 'already_dispatched'],
    ['that is cancelled', cancelled, 'cancelled'],
  ])('is refused for a parcel %s, once per revision', (_which, shipment, reason) => {
    const first = changeAddress(shipment, to(3));
    expect(first.emit).toEqual(refusal(3, reason));
    expect(first.shipment.destination).toEqual(to(2));
    expect(changeAddress(first.shipment, to(3))).toEqual({
      shipment: first.shipment,
      ignored: 'refused already',
    });
    expect(changeAddress(first.shipment, to(4)).emit).toEqual(refusal(4, reason));
  });

  it('says nothing of a parcel that is closed', () => {
    expect(changeAddress(closed, to(3))).toEqual({ shipment: closed, ignored: 'it is closed' });
  });

  it('into another fee zone is refused, and blocks no lower revision that fits', () => {
    const first = changeAddress(prepared, to(5, 'world'));
    expect(first.emit).toEqual(refusal(5, 'other_fee_zone'));
    expect(first.shipment.destination).toEqual(to(2));
    expect(changeAddress(first.shipment, to(4)).shipment.destination).toEqual(to(4));
  });

  it('is compared to the zone that was paid for, not to the one before', () => {
    const moved = changeAddress(changeAddress(prepared, to(3)).shipment, to(4, 'eu'));
    expect(moved.emit).toEqual(refusal(4, 'other_fee_zone'));
  });

  it('is remembered as refused only as far as needed', () => {
    const refused = Array.from({ length: 200 }, (_, index) => to(index + 3, 'world')).reduce(
      (shipment, change) => changeAddress(shipment, change).shipment,
      prepared,
    );
    expect(refused.refused).toEqual(Array.from({ length: 50 }, (_, index) => index + 153));
    expect(changeAddress(refused, to(300)).shipment.refused).toEqual([]);
  });
});

describe('changes that came before their order', () => {
  it('are applied when it comes, in the order of their revisions', () => {
    const { shipment, emit } = addressed(unaddressed, to(2), [to(3), to(4, 'eu'), to(5)], NOW);
    expect(shipment.destination).toEqual(to(5));
    expect(emit).toEqual([
      { event: 'shipment.readdressed', data: { ...ids, revision: 3, relabelled: false } },
      ...refusal(4, 'other_fee_zone'),
      { event: 'shipment.readdressed', data: { ...ids, revision: 5, relabelled: false } },
    ]);
  });

  it('stand on the one label of a parcel that only waited for its address', () => {
    const ready = rules.reduce((shipment, rule) => rule(shipment).shipment, unaddressed);
    const { emit, labelled, shipment } = addressed(ready, to(2), [to(3)], NOW);
    expect(labelled).toBe(true);
    expect(shipment.destination).toEqual(to(3));
    expect(
      emit?.map((fact) => [fact.event, 'addressRevision' in fact.data && fact.data.addressRevision]),
    ).toEqual([
      ['shipment.readdressed', false],
      ['shipment.prepared', 3],
    ]);
  });

  it('are refused when the order was cancelled before it came', () => {
    const tombstone = decide.cancellationRequested(unaddressed, NOW).shipment;
    expect(addressed(tombstone, to(2), [to(3)], NOW).emit).toEqual(refusal(3, 'cancelled'));
  });
});

describe('the address that a parcel leaves for', () => {
  const change = fc.record({
    revision: fc.integer({ min: 1, max: 12 }),
    zone: fc.constantFrom('domestic', 'eu'),
  });

  /** One zone per revision: its owner issues it once. */
  const changes = fc.uniqueArray(change, { selector: ({ revision }) => revision, maxLength: 8 });
  const run = changes.chain((all) =>
    fc.record({
      all: fc.constant(all),
      heard: fc
        .array(fc.constantFrom(...(all.length > 0 ? all : [{ revision: 2, zone: 'domestic' }])), {
          maxLength: 6,
        })
        .chain((again) => {
          const twice = [...all, ...again];
          return fc.shuffledSubarray(twice, { minLength: twice.length });
        }),
    }),
  );

  it('is the highest revision that fits, in whatever order and however often changes are heard', () => {
    fc.assert(
      fc.property(run, ({ all, heard }) => {
        const end = heard.reduce(
          (shipment, { revision, zone }) => changeAddress(shipment, to(revision, zone)).shipment,
          prepared,
        );
        const fitting = all.filter(({ zone }) => zone === 'domestic').map(({ revision }) => revision);
        expect(end.destination).toEqual(to(Math.max(2, ...fitting)));
      }),
    );
  });

  it('never changes after it has left', () => {
    fc.assert(
      fc.property(run, ({ heard }) => {
        const end = heard.reduce(
          (shipment, { revision, zone }) => changeAddress(shipment, to(revision, zone)).shipment,
          dispatched,
        );
        expect(end.destination).toEqual(dispatched.destination);
        expect(new Set(end.refused).size).toBe(end.refused.length);
      }),
    );
  });
});
