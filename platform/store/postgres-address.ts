import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';

const MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof MODES)[number];

/** Parameters of the URL that say something here; libpq's, or the driver's own of that name. */
const KNOWN: ReadonlySet<string> = new Set([
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'channel_binding',
  'target_session_attrs',
  'options',
]);
/** Of no use where nothing is encrypted. */
const OF_ENCRYPTION = ['sslcert', 'sslkey', 'sslnegotiation', 'channel_binding'];
/** Said by settings of ours instead, or by nobody: they do no harm. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  'application_name',
  'fallback_application_name',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'gssencmode',
  'uselibpqcompat',
]);
/** Every server that is read only is refused, so these are kept. */
const SESSIONS: ReadonlySet<string> = new Set(['any', 'read-write', 'primary']);

/**
 * Where a URL leads, and how it is kept from strangers. `sslmode` means what it means to libpq
 * (https://www.postgresql.org/docs/current/libpq-ssl.html): `require` encrypts and checks nothing without a certificate.
 * Without `sslmode` nothing is encrypted, unless there is a certificate to check.
 * @param ca certificates in PEM that the server's must come from
 * @throws Error naming what the URL says that cannot be kept, never its value
 */
export function addressOf(given: string, ca: string | undefined): ClientConfig {
  const url = new URL(given);
  const parameters = url.searchParams;
  for (const name of parameters.keys()) refuseUnknown(name);
  if (!SESSIONS.has(parameters.get('target_session_attrs') ?? 'any'))
    throw wrong('target_session_attrs has to be read-write, primary or any');
  if (/[,%]/.test(url.hostname)) throw wrong('it names several hosts, or a socket; name one host');
  const options = parameters.get('options');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 5432),
    ...(url.username ? { user: decoded('the user', url.username) } : {}),
    ...(url.password ? { password: decoded('the password', url.password) } : {}),
    ...(url.pathname.length > 1 ? { database: decoded('the database', url.pathname.slice(1)) } : {}),
    ...(options === null ? {} : { options }),
    ...encryptionOf(parameters, ca),
  };
}

function decoded(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(`${what} has a % that is not encoded: write %25`);
  }
}

/** Whether a URL leaves open if the way is encrypted, and leads away from this machine. */
export function isInTheOpen(given: string, ca: string | undefined): boolean {
  const { hostname, searchParams } = new URL(given);
  const isHere = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
  return ca === undefined && !searchParams.has('sslmode') && !searchParams.has('sslrootcert') && !isHere;
}

function refuseUnknown(name: string): void {
  if (name === 'ssl') throw wrong('say sslmode=require, verify-ca, verify-full or disable, not ssl');
  if (!KNOWN.has(name) && !PASSED_OVER.has(name))
    throw wrong(`there is no parameter ${name}; it may have ${[...KNOWN].join(', ')}`);
}

function encryptionOf(parameters: URLSearchParams, given: string | undefined): ClientConfig {
  const root = parameters.get('sslrootcert') ?? 'system';
  const ca = given ?? (root === 'system' ? undefined : read('sslrootcert', root));
  const checked = ca !== undefined || parameters.has('sslrootcert');
  const mode = modeOf(parameters.get('sslmode') ?? (checked ? 'verify-full' : 'disable'));
  if (mode === 'disable') {
    if (checked) throw wrong('a certificate is given, but it says sslmode=disable');
    const [idle] = OF_ENCRYPTION.filter((name) => parameters.has(name));
    if (idle !== undefined)
      throw wrong(`${idle} is given, and nothing is encrypted: say sslmode=verify-full`);
    return { ssl: false };
  }
  if (ca === undefined && (mode === 'verify-ca' || (mode === 'require' && checked)))
    throw wrong(
      `sslmode=${mode} with the public authorities lets in whoever has a certificate of theirs: say verify-full`,
    );
  const binding = parameters.get('channel_binding') ?? 'prefer';
  if (!['disable', 'prefer', 'require'].includes(binding))
    throw wrong('channel_binding has to be disable, prefer or require');
  const negotiation = parameters.get('sslnegotiation') ?? 'postgres';
  if (negotiation !== 'postgres' && negotiation !== 'direct')
    throw wrong('sslnegotiation has to be postgres or direct');
  const [cert, key] = ['sslcert', 'sslkey'].map((name) => {
    const path = parameters.get(name);
    return path === null ? undefined : read(name, path);
  });
  return {
    ssl: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: mode !== 'require' || checked,
      ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    },
    sslnegotiation: negotiation,
    // The driver does so where the server offers it.
    enableChannelBinding: binding === 'require',
  };
}

function modeOf(mode: string): Mode {
  if ((MODES as readonly string[]).includes(mode)) return mode as Mode;
  if (mode === 'prefer' || mode === 'allow')
    throw wrong(
      `sslmode=${mode} encrypts only where it happens to work: say require, verify-full or disable`,
    );
  throw wrong(`sslmode has to be one of ${MODES.join(', ')}`);
}

function read(parameter: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw wrong(`${parameter}: ${(error as Error).message}`);
  }
}

function wrong(reason: string): Error {
  return new Error(`configuration: DATABASE_URL: ${reason}`);
}
