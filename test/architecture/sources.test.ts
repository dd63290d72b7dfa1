import { describe, expect, it } from '@jest/globals';
import { readSources } from './sources.ts';

const MAX_LINES = 300;

describe('source files', () => {
  it(`have ${MAX_LINES} lines at most`, () => {
    const lengths = readSources('platform', 'events', 'services', 'test', 'bench', 'e2e', 'scripts').map(
      ({ path, text }) => ({ path, lines: text.split('\n').length - 1 }),
    );
    expect(lengths.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
  });

  it('read the environment in one place', () => {
    const readers = readSources('platform', 'events', 'services', 'bench', 'e2e', 'scripts')
      .filter(({ text }) => /process\.env\b/.test(text.replaceAll(/`process\.env`/g, '')))
      .map(({ path }) => path);
    expect(readers).toEqual(['platform/config.ts']);
  });

  it('load OpenTelemetry in one place, which is loaded only where there is a collector', () => {
    const sources = readSources('platform', 'events', 'services');
    const users = sources.filter(({ imports }) =>
      imports.some(({ target }) => target.includes('opentelemetry')),
    );
    expect(users.map(({ path }) => path)).toEqual(['platform/trace/otlp.ts']);
    const loaders = sources.filter(({ imports }) =>
      imports.some(({ target, typeOnly }) => target === 'platform/trace/otlp.ts' && !typeOnly),
    );
    expect(loaders.map(({ path, text }) => [path, /^import .*otlp/m.test(text)])).toEqual([
      ['platform/trace/tracing.ts', false],
    ]);
  });
});
