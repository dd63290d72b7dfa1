import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readConfig, setting } from '../../platform/config.ts';
import { serviceSettings } from '../../platform/settings.ts';

const STAFF_TOKEN = 'a-long-enough-token';

describe('readConfig', () => {
  it('turns text into what the program works with', () => {
    const shape = {
      COUNT: setting.integer(1, 10),
      WAIT: setting.duration(),
      SINK: setting.url(),
      NAME: setting.text().default('nobody'),
    };
    expect(readConfig(shape, { COUNT: '7', WAIT: 'PT0.5S', SINK: 'http://broker/default/shop' })).toEqual({
      COUNT: 7,
      WAIT: 500,
      SINK: 'http://broker/default/shop',
      NAME: 'nobody',
    });
  });

  it.each([
    ['COUNT', setting.integer(1, 10), '11', 'must be between 1 and 10'],
    ['COUNT', setting.integer(1, 10), '-1', 'must be a whole number'],
    ['COUNT', setting.integer(1, 10), '1e1', 'must be a whole number'],
    ['WAIT', setting.duration(), '5 minutes', '"5 minutes" is no duration'],
    ['SINK', setting.url(), 'broker', 'must be an http or https URL'],
    ['SINK', setting.url(), 'ftp://broker', 'must be an http or https URL'],
    ['DATABASE', setting.databaseUrl(), 'mysql://ada:hunter2@host/shop', 'must be like postgres://'],
    ['DATABASE', setting.databaseUrl(), 'postgres://ada:hunter2@ho st/shop', 'must be like postgres://'],
    ['NAME', setting.text(), undefined, 'is not set'],
    ['NAME', setting.text(), '', 'is not set'],
  ])('names %s when it is %p', (name, schema, value, reason) => {
    const read = () => readConfig({ [name]: schema }, { [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(`${name}: ${reason}`);
    expect(read).not.toThrow('hunter2');
  });

  it('names every variable at fault at once, and no secret', () => {
    const shape = { A: setting.integer(1, 2), TOKEN: setting.secret(16) };
    expect(() => readConfig(shape, { A: 'x', TOKEN: 'short-secret' })).toThrow(
      /^configuration: A: .*; TOKEN: must have 16 characters or more$/,
    );
    expect(() => readConfig(shape, { A: '1', TOKEN: 'short-secret' })).not.toThrow(/short-secret/);
  });

  it('reads a mounted secret by NAME_FILE, and takes an empty one as not set', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-config-'));
    const file = join(folder, 'token');
    const read = () => readConfig({ TOKEN: setting.secret(16) }, { TOKEN_FILE: file });
    expect(read).toThrow('TOKEN_FILE');
    writeFileSync(file, `${STAFF_TOKEN}\n`);
    expect(read()).toEqual({ TOKEN: STAFF_TOKEN });
    writeFileSync(file, '\n');
    expect(read).toThrow('TOKEN: is not set');
    rmSync(folder, { recursive: true });
  });
});

describe('the settings of every service', () => {
  it('all have a default, or do without', () => {
    expect(readConfig(serviceSettings, {})).toMatchObject({ PORT: 8080, K_CE_OVERRIDES: {} });
    expect(readConfig(serviceSettings, { STAFF_TOKEN })).toMatchObject({ STAFF_TOKEN });
    expect(() => readConfig(serviceSettings, { STAFF_TOKEN: 'short' })).toThrow('STAFF_TOKEN: must have 16');
  });

  it.each<[string, unknown]>([
    ['', {}],
    ['{}', {}],
    ['{"extensions":{"shopenv":"test"}}', { shopenv: 'test' }],
  ])('take what a SinkBinding writes into K_CE_OVERRIDES: %p', (text, extensions) => {
    const settings = readConfig(serviceSettings, { STAFF_TOKEN, K_CE_OVERRIDES: text });
    expect(settings.K_CE_OVERRIDES).toEqual(extensions);
  });

  it.each(['{', '{"extensions":{"id":"x"}}', '{"extensions":{"not-a-name":"x"}}', '{"extensions":[]}'])(
    'refuse %p as K_CE_OVERRIDES',
    (text) => {
      expect(() => readConfig(serviceSettings, { STAFF_TOKEN, K_CE_OVERRIDES: text })).toThrow(
        'K_CE_OVERRIDES: ',
      );
    },
  );
});
