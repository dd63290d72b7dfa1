import { describe, expect, it } from '@jest/globals';
import { portOf, portOffsets, portSpan, programs } from '../../../services/local/plan.ts';

const next = { name: 'next' };
const atSix = { name: 'six', portOffset: 6 };

describe('the ports of a shop on one machine', () => {
  it.each([
    ['storefront', 8080],
    ['broker', 8081],
    ['payment', 8082],
    ['inventory', 8083],
    ['shipping', 8084],
    ['ledger', 8086],
  ])('are those that the pages name: %s %i', (name, port) => {
    expect(portOf(name, { portBase: 8080 })).toBe(port);
  });

  it('are the first free ones for services whose cards name none, one for each', () => {
    const first = Array.from({ length: 5 }, (_, index) => ({ name: `s${index}` }));
    expect([...portOffsets([...first, atSix, next])].toSorted(([, a], [, b]) => a - b)).toEqual([
      ['s0', 0],
      ['broker', 1],
      ['s1', 2],
      ['s2', 3],
      ['s3', 4],
      ['s4', 5],
      ['six', 6],
      ['next', 7],
    ]);
    expect(portOffsets([...first.slice(1), atSix, next]).get('next')).toBe(5);
  });

  it.each([
    [[atSix, next, { name: 'late', portOffset: 6 }], "late wants portOffset 6, which is six's"],
    [[{ name: 'greedy', portOffset: 1 }], "greedy wants portOffset 1, which is broker's"],
  ])('are refused when two want the same: %j', (cards, message) => {
    expect(() => portOffsets(cards)).toThrow(message);
  });

  it('follow the base, and are any free ones where it is 0', () => {
    const shop = programs().map((name) => portOf(name, { portBase: 8080 }));
    expect(shop).toEqual(shop.toSorted((a, b) => a - b));
    expect([shop[0], shop.at(-1)]).toEqual([8080, 8080 + portSpan() - 1]);
    expect(programs().map((name) => portOf(name, { portBase: 0 }))).toEqual(shop.map(() => 0));
  });
});
