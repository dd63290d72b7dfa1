import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runTool } from '../../scripts/tools/kubernetes.ts';
import { chart, openChartWith, render, renderText, triggerFor } from '../support/render.ts';

describe('a packaged chart', () => {
  it('carries the wiring, and renders the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-package-'));
    try {
      const said = await runTool('helm', ['package', chart, '--destination', folder]);
      const from = /saved it to: (\S+)/.exec(said)?.[1] ?? '';
      expect(await renderText({ from })).toBe(await renderText());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['broker.yaml', '', /has to have one Broker and Triggers/],
    ['broker.yaml', 'kind: [', /eventing\/broker\.yaml is no YAML/],
    ['more.yaml', 'kind: Service', /eventing\/more\.yaml has a Service/],
    [
      'more.yaml',
      triggerFor('stranger'),
      /Trigger stranger-order-placed delivers to stranger, and services\.stranger is missing/,
    ],
  ])('refuses wiring that it cannot use: %s %#', async (file, text, sentence) => {
    using copy = openChartWith({ [file]: text });
    await expect(render({ from: copy.folder })).rejects.toThrow(sentence);
  });
});
