import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { runTool, toolPath } from '../../scripts/tools/kubernetes.ts';
import { openRegistry } from '../support/registry.ts';
import { chart, render, renderText } from '../support/render.ts';
import { root } from '../support/root.ts';

interface Block {
  readonly spec?: { readonly source?: Readonly<Record<string, unknown>> };
  readonly data?: Readonly<Record<string, string>>;
}

const withoutNames = (text: string): string => text.replaceAll(/^# Source: .*$/gm, '');

describe('a published chart', () => {
  it('is rendered from a registry, by its digest, as it is from here', async () => {
    await using registry = await openRegistry();
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-push-'));
    try {
      const packed = await runTool('helm', ['package', chart, '--destination', folder]);
      const file = /saved it to: (\S+)/.exec(packed)?.[1] ?? '';
      const target = `oci://${registry.host}/charts`;
      const { stderr } = await promisify(execFile)(await toolPath('helm'), [
        'push',
        file,
        target,
        '--plain-http',
      ]);
      const [, digest = ''] = /Digest: (sha256:[0-9a-f]{64})/.exec(stderr) ?? [];
      const args = ['shop', `${target}/tradewind@${digest}`, '--plain-http', '--namespace', 'market'];
      const text = await runTool('helm', ['template', ...args]);
      expect(withoutNames(text)).toBe(withoutNames(await renderText()));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the page about Argo CD', () => {
  const page = readFileSync(join(root, 'docs/argo-cd.md'), 'utf8');
  const [application, config] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, block = '']) => parse(block) as Block,
  );

  it('has a health check for every kind of Knative’s that the chart makes', async () => {
    const objects = await render({ values: { security: { eventing: 'oidc' } } });
    const kinds = new Set(
      objects
        .filter(({ apiVersion }) => apiVersion.includes('knative.dev/'))
        .map(({ apiVersion, kind }) => `resource.customizations.health.${apiVersion.split('/')[0]}_${kind}`),
    );
    const checks = config?.data ?? {};
    expect(new Set(Object.keys(checks))).toEqual(kinds);
    expect(new Set(Object.values(checks)).size).toBe(1);
  });

  it('names the chart, its version and a file of values that it carries', () => {
    const { name, version } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as Record<
      string,
      string
    >;
    const { source = {} } = application?.spec ?? {};
    expect([source['chart'], source['targetRevision']]).toEqual([name, version]);
    const { valueFiles } = source['helm'] as { valueFiles: string[] };
    for (const file of valueFiles) expect(readFileSync(join(chart, file), 'utf8')).not.toBe('');
  });

  it('may speak of one wave: nothing has another', async () => {
    expect(await renderText()).not.toContain('sync-wave');
  });
});
