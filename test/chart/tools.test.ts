import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { readManifests } from '../../platform/broker/manifests.ts';
import { runTool } from '../../scripts/tools/kubernetes.ts';
import { unzip } from '../../scripts/tools/unzip.ts';
import { root } from '../support/root.ts';

/** Two files, one stored and one deflated, and a folder. */
const ARCHIVE =
  'UEsDBBQAAAAAAAAAIQAAAAAAAAAAAAAAAAAEAAAAYm94L1BLAwQUAAAACAAAACEA5yI51AgAAAC0AAAACAAAAGJveC9sb25nK85XKB5qCABQSwMEFAAAAAAAAAAhAIamEDYFAAAABQAAAAkAAABib3gvc2hvcnRoZWxsb1BLAQIUAxQAAAAAAAAAIQAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAACAAQAAAABib3gvUEsBAhQDFAAAAAgAAAAhAOciOdQIAAAAtAAAAAgAAAAAAAAAAAAAAIABIgAAAGJveC9sb25nUEsBAhQDFAAAAAAAAAAhAIamEDYFAAAABQAAAAkAAAAAAAAAAAAAAIABUAAAAGJveC9zaG9ydFBLBQYAAAAAAwADAJ8AAAB8AAAAAAA=';

describe('the tools', () => {
  it('are there: Helm 4, and a kubectl that makes of k8s/ what the local broker reads', async () => {
    expect(await runTool('helm', ['version', '--short'])).toMatch(/^v4\./);
    const text = await runTool('kubectl', ['kustomize', join(root, 'k8s')]);
    const objects = parseAllDocuments(text).map(
      (each) => each.toJS() as { metadata: { name: string; labels: Record<string, string> } },
    );
    const { brokers, triggers } = readManifests(join(root, 'k8s'));
    expect(objects.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      [...brokers, ...triggers].map(({ name }) => name).toSorted(),
    );
    for (const { metadata } of objects)
      expect(metadata.labels['app.kubernetes.io/part-of']).toBe('tradewind');
  }, 120_000);

  it('say what they complained about', async () => {
    await expect(runTool('helm', ['no-such-command'])).rejects.toThrow('no-such-command');
  });
});

describe('unzip', () => {
  it('reads stored and deflated files, and passes over folders', () => {
    const files = unzip(Buffer.from(ARCHIVE, 'base64'));
    expect([...files].map(([name, content]) => [name, content.toString()])).toEqual([
      ['box/long', 'so '.repeat(60)],
      ['box/short', 'hello'],
    ]);
  });

  it('refuses what is no archive, and a damaged one', () => {
    expect(() => unzip(Buffer.from('no archive, and long enough for one'))).toThrow('no ZIP archive');
    const damaged = Buffer.from(ARCHIVE, 'base64');
    damaged.writeUInt32LE(0, damaged.length - 6);
    expect(() => unzip(damaged)).toThrow('damaged');
  });
});
