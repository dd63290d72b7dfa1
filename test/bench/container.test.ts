import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { bytesOf, flagsOf, roomOf } from '../../bench/lib/container.ts';
import { root } from '../support/root.ts';

const MB = 1024 ** 2;
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('the room of a container', () => {
  it('is what the defaults say, unless its own block says otherwise, key by key', () => {
    const values = `
defaults: { resources: { requests: { cpu: 50m, memory: 128Mi }, limits: { memory: 256Mi } } }
services: { payment: {}, ledger: { resources: { limits: { memory: 1Gi } } } }`;
    expect(roomOf(values, 'payment')).toEqual({ request: 128 * MB, limit: 256 * MB });
    expect(roomOf(values, 'ledger')).toEqual({ request: 128 * MB, limit: 1024 * MB });
  });

  it('can be read from the chart for each service', () => {
    for (const service of ['storefront', 'payment', 'inventory', 'shipping', 'ledger']) {
      const { request, limit } = roomOf(read('charts/tradewind/values.yaml'), service);
      expect(limit).toBeGreaterThan(request);
    }
  });

  it('is a quantity of Kubernetes', () => {
    expect([bytesOf('256Mi'), bytesOf('1Gi'), bytesOf('64Ki'), bytesOf('100')]).toEqual([
      256 * MB,
      1024 * MB,
      65_536,
      100,
    ]);
    expect(() => bytesOf('256M')).toThrow('"256M" is no quantity of memory like 256Mi');
  });

  it('becomes the flags of the image, with its share of the memory in megabytes', () => {
    const image = `FROM a AS base
ENV NODE_OPTIONS="--of-another-stage"
FROM base AS runtime
ENV NODE_OPTIONS="--max-old-space-size-percentage=50 --max-semi-space-size=8"`;
    expect(flagsOf(image, 257 * MB)).toEqual(['--max-old-space-size=128', '--max-semi-space-size=8']);
    expect(flagsOf(read('Dockerfile'), 256 * MB)).toContain('--max-old-space-size=128');
  });
});
