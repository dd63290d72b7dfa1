import { dirname } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cycles, loadedWith, violations } from './directions.ts';
import { readSources, toSource } from './sources.ts';

const IMPURE =
  /new Date\(\)|Date\.now|Math\.random|\b(?:process|crypto|performance|console|globalThis)\.|\b(?:fetch|setTimeout|setInterval|setImmediate|queueMicrotask)\(|\b(?:async|await)\b/;
/** How shipments and payments are called after their order. */
const NAMES = 'events/ids.ts';
const sources = readSources('platform', 'events', 'services', 'test', 'bench', 'e2e', 'scripts');

describe('imports', () => {
  it('go one way: platform ← events ← services ← e2e, test and bench', () => {
    expect(sources.length).toBeGreaterThan(80);
    expect(violations(sources)).toEqual([]);
  });

  it('form no cycle', () => {
    expect(cycles(sources)).toEqual([]);
  });

  it.each([
    ['services/payment/handle.ts', '../shipping/store.ts', 'services/shipping/store.ts'],
    ['services/payment/handle.ts', '../../platform/broker/broker.ts', 'platform/broker/broker.ts'],
    ['services/main.ts', '../platform/broker/broker.ts', 'platform/broker/broker.ts'],
    ['services/payment/decide.ts', 'uuid', 'npm:uuid'],
    ['events/order.ts', 'node:fs', 'node:fs'],
    ['events/order.ts', '../platform/emit.ts', 'platform/emit.ts'],
    ['platform/emit.ts', '../events/order.ts', 'events/order.ts'],
    ['platform/emit.ts', './broker/broker.ts', 'platform/broker/broker.ts'],
    ['platform/contract.ts', './errors.ts', 'platform/errors.ts'],
    ['bench/main.ts', '../test/journeys/outcomes.ts', 'test/journeys/outcomes.ts'],
    ['test/support/shop.ts', '../../bench/chaos.ts', 'bench/chaos.ts'],
    ['e2e/cases.ts', '../services/payment/store.ts', 'services/payment/store.ts'],
    ['e2e/cases.ts', '../test/support/shop.ts', 'test/support/shop.ts'],
    ['elsewhere/main.ts', '../platform/emit.ts', 'platform/emit.ts'],
  ])('would be refused: %s taking %s', (path, specifier, target) => {
    const source = toSource(path, `import type { X } from '${specifier}';`);
    expect(violations([source])).toEqual([`${path} → ${target}`]);
  });

  it('would be found in a cycle, but not where only types go round', () => {
    const a = toSource('platform/a.ts', `import { b } from './b.ts';`);
    const b = toSource('platform/b.ts', `import { a } from './a.ts';`);
    const types = toSource('platform/b.ts', `import type { a } from './a.ts';`);
    expect(cycles([a, b])).toEqual(['platform/a.ts → platform/b.ts → platform/a.ts']);
    expect(cycles([a, types])).toEqual([]);
  });
});

describe('decisions', () => {
  const decisions = sources.filter(({ path }) => path.endsWith('/decide.ts'));

  it('exist', () => expect(decisions.length).toBeGreaterThan(0));

  it.each(decisions.map((source) => [source.path, source] as const))(
    '%s is pure, with all that it loads: only files beside it and names, no clock, no dice, no way out',
    (path, source) => {
      for (const { imports, text, path: part } of loadedWith(source, sources)) {
        expect([dirname(path), NAMES]).toContain(part === NAMES ? NAMES : dirname(part));
        expect([
          part,
          imports.filter(
            ({ typeOnly, target }) => !typeOnly && target !== NAMES && !target.startsWith('services/'),
          ),
        ]).toEqual([part, []]);
        expect([part, IMPURE.exec(text)]).toEqual([part, null]);
      }
    },
  );

  it.each([
    'new Date()',
    'Date.now()',
    'Math.random()',
    'process.env',
    'crypto.randomUUID()',
    'performance.now()',
    'fetch(url)',
    'setTimeout(go, 5)',
    'async () => {}',
  ])('would be refused with %s in them', (text) => expect(text).toMatch(IMPURE));
});
