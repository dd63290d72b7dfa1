import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runTool } from '../../scripts/tools/kubernetes.ts';
import { chart, render, renderText } from '../support/render.ts';
import { faultsOf } from './schemas.ts';

const variants = globSync('{ci/*-values,values-prod}.yaml', { cwd: chart }).toSorted();

describe('the chart', () => {
  it('has variants', () => expect(variants.length).toBeGreaterThan(4));

  it.each(variants)('makes of %s only objects that the API servers accept', async (file) => {
    const objects = await render({ files: [join(chart, file)] });
    const faults = await Promise.all(objects.map(faultsOf));
    expect(faults.flat()).toEqual([]);
  });

  it.each(variants)('passes helm lint with %s', async (file) => {
    const said = await runTool('helm', ['lint', '--strict', chart, '--values', join(chart, file)]);
    expect(said).toContain('0 chart(s) failed');
  });

  it.each(variants)('renders %s the same every time', async (file) => {
    const options = { files: [join(chart, file)] };
    expect(await renderText(options)).toBe(await renderText(options));
  });
});

describe('the schemas of Kubernetes', () => {
  const container = { name: 'app', image: 'app:1' };
  const deployment = (changes: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'app', labels: { any: 'label' } },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container], ...changes } },
    },
  });

  it('accept a Deployment', async () => expect(await faultsOf(deployment({}))).toEqual([]));

  it.each([
    ['a field of another type', { automountServiceAccountToken: 'no' }, /automountServiceAccountToken/],
    ['a missing field', { containers: [{ image: 'app:1' }] }, /name/],
    ['a value that is none of the allowed', { restartPolicy: 'Sometimes' }, /restartPolicy/],
    ['a field that is not known', { enableServicelinks: false }, /enableServicelinks is not known/],
    [
      'one deep within',
      { containers: [{ ...container, ports: [{ containerPort: 80, nme: 'http' }] }] },
      /containers\.0\.ports\.0\.nme is not known/,
    ],
  ])('refuse %s', async (_what, changes, fault) => {
    expect((await faultsOf(deployment(changes))).join()).toMatch(fault);
  });
});
