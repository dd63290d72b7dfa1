import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ledger } from '../../services/ledger/service.ts';
import { manifests, startTestBroker, triggerFor, type TestBroker } from '../support/broker.ts';
import { openReceiver, status, type Receiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const curl = promisify(execFile);
const problem = {
  type: 'about:blank',
  title: 'Invalid content',
  status: 422,
  detail: 'data does not fit parcel.weighed: data.grams must be a whole number',
  errors: [{ field: 'data.grams', message: 'must be a whole number' }],
};
const SINK = '{ ref: { apiVersion: v1, kind: Service, name: ledger }, uri: /dead-letters }';
const DELIVERY = `{ retry: 1, backoffPolicy: exponential, backoffDelay: PT0.1S, deadLetterSink: ${SINK} }`;

/** From the curl that brings it in to the audit log that says who got it through. */
describe('a poison event', () => {
  let scales: Receiver;
  let keeper: TestService;
  let broker: TestBroker;
  beforeAll(async () => {
    scales = await openReceiver();
    scales.answer = status(422, JSON.stringify(problem), { 'content-type': 'application/problem+json' });
    keeper = await startTestService(ledger, { REDRIVE_HOSTS: '127.0.0.1' });
    broker = await startTestBroker(manifests(DELIVERY, { 'scales-parcel-weighed': triggerFor('scales') }), {
      scales: scales.url,
      ledger: keeper.service.url,
    });
    await post(`${broker.broker.url}/default/shop`);
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
    await keeper[Symbol.asyncDispose]();
    await scales[Symbol.asyncDispose]();
  });

  it('is found with its cause in words and the field at fault', async () => {
    await until('the dead letter is there', async () => (await groups()).length === 1);
    const [group] = await groups();
    expect(group).toMatchObject({
      subscriber: `${scales.url}/events`,
      type: 'parcel.weighed.v1',
      code: 422,
      count: 1,
    });
    const { body } = await keeper.call('GET', `/api/dead-letters/${group.example}`, { staff: true });
    expect(body).toMatchObject({ cause: 'refused', state: 'held', reason: problem.detail });
    expect(body.fields).toEqual(problem.errors);
    expect(scales.got).toHaveLength(1);
  });

  it('goes through once its subscriber is mended: handled once, gone from the list, in the audit log', async () => {
    scales.answer = status(204);
    const [{ example }] = await groups();
    const { status: created, body } = await keeper.call('POST', '/api/replays', {
      staff: true,
      body: {
        of: 'dead-letters',
        select: { ids: [example] },
        reason: 'the scales take grams as text now',
        by: 'Ada',
      },
    });
    expect(created).toBe(201);
    await until('nothing is open', async () => (await groups()).length === 0);
    expect(scales.ids()).toEqual(['weighing-1', 'weighing-1']);
    expect(scales.got[1]).toMatchObject({
      headers: { 'ce-source': '/scales', 'knative-replay': body.id },
      body: '{"grams":"heavy"}',
    });
    expect(scales.got[1]?.headers).not.toHaveProperty('ce-knativeerrorcode');
    const { body: audit } = await keeper.call('GET', '/api/audit', { staff: true });
    expect(audit.items[0]).toMatchObject({ by: 'Ada', action: 'replay' });
    const { body: letter } = await keeper.call('GET', `/api/dead-letters/${example}`, { staff: true });
    expect(letter).toMatchObject({ state: 'closed', outcome: 'replayed' });
  });

  async function groups() {
    return (await keeper.call('GET', '/api/dead-letters/groups', { staff: true })).body.groups;
  }
});

async function post(url: string): Promise<void> {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'weighing-1',
    'ce-source': '/scales',
    'ce-type': 'parcel.weighed.v1',
    'ce-dataclassification': 'internal',
    'content-type': 'application/json',
  };
  const flags = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  await curl('curl', ['-sSf', ...flags, '-d', '{"grams":"heavy"}', url]);
}
