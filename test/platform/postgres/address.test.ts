import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { addressOf, isInTheOpen } from '../../../platform/store/postgres-address.ts';

const folder = mkdtempSync(join(tmpdir(), 'tradewind-address-'));
const file = join(folder, 'root.pem');
writeFileSync(file, 'FROM A FILE');
afterAll(() => rmSync(folder, { recursive: true }));

const plain = { ssl: false };
const unchecked = expect.objectContaining({ rejectUnauthorized: false });
const byName = expect.not.objectContaining({ checkServerIdentity: expect.anything() as unknown });
const ofAnyName = expect.objectContaining({
  rejectUnauthorized: true,
  checkServerIdentity: expect.any(Function) as unknown,
});

describe('the address of PostgreSQL', () => {
  it('is taken apart, whatever signs it has', () => {
    expect(addressOf('postgres://ad%40a:p%2Fw%25@[::1]:6432/sh%20op', undefined)).toEqual({
      host: '::1',
      port: 6432,
      user: 'ad@a',
      password: 'p/w%',
      database: 'sh op',
      ssl: false,
    });
  });

  it.each<[string, string | undefined, unknown]>([
    ['', undefined, plain],
    ['?sslmode=disable', undefined, plain],
    ['?sslmode=require', undefined, { ssl: unchecked }],
    ['?sslmode=require', 'PEM', { ssl: ofAnyName }],
    ['?sslmode=verify-ca', 'PEM', { ssl: ofAnyName }],
    ['?sslmode=verify-full', undefined, { ssl: byName }],
    ['?sslmode=verify-full', 'PEM', { ssl: byName }],
    ['', 'PEM', { ssl: expect.objectContaining({ ca: 'PEM', rejectUnauthorized: true }) as unknown }],
    [`?sslrootcert=${file}`, undefined, { ssl: expect.objectContaining({ ca: 'FROM A FILE' }) as unknown }],
    ['?sslrootcert=system', undefined, { ssl: expect.not.objectContaining({ ca: 'system' }) as unknown }],
    [
      `?sslmode=verify-full&sslcert=${file}&sslkey=${file}`,
      'PEM',
      { ssl: { ca: 'PEM', cert: 'FROM A FILE', key: 'FROM A FILE', rejectUnauthorized: true } },
    ],
    ['?sslmode=require&channel_binding=require', undefined, { enableChannelBinding: true }],
    ['?sslmode=require&sslnegotiation=direct', undefined, { sslnegotiation: 'direct' }],
    [
      '?target_session_attrs=read-write&connect_timeout=3&keepalives_idle=5&application_name=x',
      undefined,
      plain,
    ],
    ['?options=endpoint%3Dblue', undefined, { options: 'endpoint=blue' }],
  ])('is kept from strangers as libpq would, with %s and the certificate %s', (parameters, ca, expected) => {
    expect(addressOf(`postgres://host/shop${parameters}`, ca)).toMatchObject(expected as object);
  });

  it.each<[string, string | undefined, RegExp]>([
    ['host/shop?sslmode=disable', 'PEM', /a certificate is given, but it says sslmode=disable/],
    [
      'host/shop?sslmode=verify_full',
      'PEM',
      /sslmode has to be one of disable, require, verify-ca, verify-full/,
    ],
    ['host/shop?sslmode=prefer', undefined, /sslmode=prefer encrypts only where it happens to work/],
    [
      'host/shop?sslmode=verify-ca',
      undefined,
      /sslmode=verify-ca with the public authorities lets in whoever/,
    ],
    [
      'host/shop?sslmode=require&sslrootcert=system',
      undefined,
      /sslmode=require with the public authorities/,
    ],
    ['host/shop?channel_binding=require', undefined, /channel_binding is given, and nothing is encrypted/],
    ['host/shop?sslmode=require&channel_binding=yes', undefined, /channel_binding has to be disable/],
    ['host/sh%op', undefined, /the database has a % that is not encoded: write %25/],
    ['host/shop?ssl=true', undefined, /say sslmode=require, .*, not ssl/],
    ['host/shop?sslmode=require&sslcert=/nowhere', undefined, /sslcert: ENOENT/],
    ['host/shop?sslrootcrt=x', undefined, /there is no parameter sslrootcrt; it may have sslmode, /],
    ['host/shop?target_session_attrs=standby', undefined, /target_session_attrs has to be read-write/],
    ['one,two/shop', undefined, /it names several hosts, or a socket/],
    ['%2Fcloudsql%2Fx/shop', undefined, /it names several hosts, or a socket/],
  ])('is refused where it says what cannot be kept: %s', (rest, ca, words) => {
    const refused = (): unknown => addressOf(`postgres://ada:secret@${rest}`, ca);
    expect(refused).toThrow(words);
    expect(refused).toThrow(/^configuration: DATABASE_URL: (?:(?!secret).)*$/);
  });

  it.each([
    ['postgres://db.example.com/shop', true],
    ['postgres://db.example.com/shop?sslmode=disable', false],
    ['postgres://127.0.0.1/shop', false],
    ['postgres://[::1]/shop', false],
  ])('leaves open whether it is encrypted: %s %s', (url, open) => {
    expect(isInTheOpen(url, undefined)).toBe(open);
    expect(isInTheOpen(url, 'PEM')).toBe(false);
  });
});
