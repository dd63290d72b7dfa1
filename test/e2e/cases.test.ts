import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cases } from '../../e2e/cases.ts';
import { fillShelves } from '../../e2e/orders.ts';
import { engine } from '../support/data.ts';
import { openLocalStage, type LocalStage } from './local-stage.ts';

/** The cases that `npm run e2e` runs on a cluster, with services of this process for Pods and the local broker for Knative's. */
describe('an end-to-end case, on a shop of this machine', () => {
  let stage: LocalStage;
  beforeAll(async () => {
    stage = await openLocalStage();
    await fillShelves(stage, 'test');
  }, 60_000);
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  }, 60_000);

  const here = cases.filter(
    ({ name }) => name !== 'uninstall' && (engine === 'postgres' || name !== 'replicas'),
  );

  it.each(here.map((each) => [each.name, each.what, each] as const))(
    '%s: %s',
    async (_name, _what, { run, skip }) => {
      const said: string[] = [];
      expect(skip?.(stage)).toBeUndefined();
      await run({ stage, say: (line) => void said.push(line) });
      expect(said).not.toEqual([]);
    },
    300_000,
  );

  it('that needs more than there is says so', () => {
    const reasons = cases.flatMap(({ skip }) => skip?.(stage) ?? []);
    const needed = engine === 'postgres' ? [] : ['two Pods of a service need --storage postgres'];
    expect(reasons).toEqual([...needed, 'there is no cluster to leave']);
  });
});
