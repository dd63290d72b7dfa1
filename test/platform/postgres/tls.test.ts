import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../platform/store/migrate.ts';
import { openPostgres } from '../../../platform/store/postgres.ts';
import { platformMigrations } from '../../../platform/store/schema.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { postgresOptions } from '../../support/data.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts';

/** PostgreSQL reads its key only from a file that is its own, and runs as this user where tests run as root. */
const NOBODY = 65_534;

describe('a PostgreSQL with a certificate', () => {
  let folder: string;
  let server: PostgresServer;
  let ca: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tradewind-tls-'));
    chmodSync(folder, 0o755);
    const made = await makeCertificate();
    ({ ca } = made);
    const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
    writeFileSync(cert, made.cert);
    writeFileSync(key, made.key, { mode: 0o600 });
    if (process.getuid?.() === 0) chownSync(key, NOBODY, NOBODY);
    server = await startPostgres(['ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`, 'fsync=off']);
  });
  afterAll(async () => {
    await server.remove();
    rmSync(folder, { recursive: true });
  });

  const open = (parameters: string, authority?: string, host = '127.0.0.1') => {
    const url = new URL(`${server.url}${parameters}`);
    url.hostname = host;
    return openPostgres({ ...postgresOptions(url.href), ca: authority });
  };

  it.each([
    ['its name and authority', '?sslmode=verify-full', true],
    ['its name and authority, for a certificate is given', '', true],
    ['its authority', '?sslmode=verify-ca', true],
    ['nothing', '?sslmode=require', false],
  ])('is reached encrypted by every connection, checking %s', async (_what, parameters, given) => {
    await using store = await open(parameters, given ? ca : undefined);
    await migrate(store, platformMigrations);
    await store.ping();
    const sessions = await store.read.all<{ ssl: boolean }>(
      `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name like 'tradewind%'`,
    );
    expect(sessions.length).toBeGreaterThan(1);
    expect(sessions.every(({ ssl }) => ssl)).toBe(true);
  });

  it('passes under another name only where its name is not checked', async () => {
    await (await open('?sslmode=verify-ca', ca, 'localhost')).close();
    await expect(open('?sslmode=verify-full', ca, 'localhost')).rejects.toThrow(
      /^the certificate of the database is refused: .*altnames/,
    );
  });

  it('does not pass with a certificate of another authority', async () => {
    const { ca: other } = await makeCertificate();
    await expect(open('?sslmode=verify-ca', other)).rejects.toThrow(
      /^the certificate of the database is refused: /,
    );
  });
});
