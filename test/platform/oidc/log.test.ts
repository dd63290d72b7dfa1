import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orderPlaced } from '../../../events/order.ts';
import { startChild } from '../../support/child.ts';
import { TestIssuer } from '../../support/issuer.ts';
import { openReceiver, status } from '../../support/receiver.ts';
import { deliver } from '../../support/service.ts';
import { until } from '../../support/until.ts';

describe('the log of a service', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tradewind-oidc-log-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each([
    ['checked', true],
    ['not looked at', false],
  ])('has no token in it where tokens are %s', async (_what, checked) => {
    await using broker = await openReceiver();
    await using issuer = await TestIssuer.open();
    broker.answer = status(401);
    const path = join(folder, 'token');
    await writeFile(path, 'secret-of-the-binding');
    const audience = 'urn:tradewind:inventory';
    const env = {
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: folder,
      LOG_LEVEL: 'debug',
      K_SINK: broker.url,
      OIDC_SINK_TOKEN_FILE: path,
      ...(checked ? { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: audience, OIDC_SUBJECTS: 'one' } : {}),
    };
    const child = await startChild('run-inventory.ts', env);
    const tokens = [
      await issuer.sign({ sub: 'one', aud: audience }),
      await issuer.sign({ sub: 'one', aud: 'mt-broker-filter' }),
      await issuer.sign({ sub: 'two', aud: audience }),
      'no-token-at-all',
    ];
    const statuses = [];
    for (const token of tokens) {
      const headers = { authorization: `Bearer ${token}` };
      statuses.push(await deliver(child.url, orderPlaced, orderPlaced.example, {}, headers));
    }
    expect(statuses).toEqual(checked ? [204, 401, 403, 401] : [204, 204, 204, 204]);
    await until('the broker has refused an event', () => child.log.includes('"status":401'));
    await child.stop();
    expect(broker.got[0]?.headers.authorization).toBe('Bearer secret-of-the-binding');
    expect(child.log.includes('may not bring events here')).toBe(checked);
    for (const secret of [...tokens, 'secret-of-the-binding']) expect(child.log).not.toContain(secret);
  });
});
