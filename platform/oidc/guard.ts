import { errors, jwtVerify, type JWTPayload } from 'jose';
import { ConfigError } from '../config.ts';
import { problems, type Problem } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ServiceSettings } from '../settings.ts';
import { readKeys } from './issuer.ts';
import { IssuerKeys, REFRESH_MS } from './keys.ts';

/** Whose tokens, for whom, by whom. */
export interface GuardOptions {
  readonly issuer: string;
  /** What tokens must be made for: the audience of this service alone. */
  readonly audience: string;
  /** Who may bring events: each the `sub` of a token, or the start of some with `*` after it. */
  readonly subjects: readonly string[];
  readonly keys: IssuerKeys;
  readonly now: () => Date;
}

/** Asymmetric ones, which Kubernetes signs with. What is public must never count as a shared secret (RFC 8725, 2.1). */
const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'ES512'];
const CLOCK_TOLERANCE_S = 5;
const MAX_KNOWN = 1000;

/**
 * Lets in who may bring events, by the bearer token of each request (broker-contract, section 6). A token that was let
 * in is known for a while: Knative shows the same one for an hour.
 */
export class EventGuard {
  readonly #options: GuardOptions;
  /** Until when a token needs no second look, in milliseconds. */
  readonly #known = new Map<string, number>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Checks an `Authorization` header.
   * @throws Problem 401 when there is no valid token, 403 when it is somebody else's; both are final to a broker.
   * Problem 503 when the issuer's keys cannot be had: the same request may be right a moment later.
   */
  async admit(authorization: string | undefined): Promise<void> {
    const { now, subjects, audience } = this.#options;
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw noToken(audience);
    if ((this.#known.get(token) ?? 0) > now().getTime()) return;
    this.#known.delete(token);
    const { sub = '', exp = 0 } = await this.#verify(token);
    if (!subjects.some((subject) => matches(subject, sub))) throw notAllowed(sub);
    this.#remember(token, exp);
  }

  async #verify(token: string): Promise<JWTPayload> {
    const { keys, issuer, audience, now } = this.#options;
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        algorithms: ALGORITHMS,
        issuer,
        audience,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: now(),
      });
      return payload;
    } catch (error) {
      throw error instanceof errors.JOSEError ? invalid(error.message, this.#options) : error;
    }
  }

  /** Not for longer than keys are: so a token goes with a key that was withdrawn. */
  #remember(token: string, exp: number): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= MAX_KNOWN && !oldest.done) this.#known.delete(oldest.value);
    this.#known.set(token, Math.min(exp * 1000, this.#options.now().getTime() + REFRESH_MS));
  }
}

function matches(subject: string, sub: string): boolean {
  return subject.endsWith('*') ? sub.startsWith(subject.slice(0, -1)) : sub === subject;
}

function noToken(audience: string): Problem {
  return problems.unauthenticated(
    `send "authorization: Bearer <token>"; a broker does where the destination has "audience: ${audience}"`,
    'Bearer',
  );
}

function invalid(reason: string, { issuer, audience }: GuardOptions): Problem {
  return problems.unauthenticated(
    `this token is not valid: ${reason}; it must come from ${issuer} and be for ${audience}`,
    'Bearer error="invalid_token"',
  );
}

function notAllowed(sub: string): Problem {
  return problems.forbidden(`"${sub}" may not bring events here; OIDC_SUBJECTS says who may`);
}

/**
 * The guard that the settings ask for, which asks for the keys at once: so a mistake shows when the service starts.
 * `undefined`: nobody is asked for a token.
 * @throws ConfigError when they say only half of it
 */
export function eventGuardOf(
  settings: ServiceSettings,
  log: Log,
  now: () => Date,
  closing: AbortSignal,
): EventGuard | undefined {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, OIDC_SUBJECTS: subjects } = settings;
  if (issuer === undefined && audience === undefined && subjects === undefined) return undefined;
  if (issuer === undefined || audience === undefined || subjects === undefined) {
    throw new ConfigError(
      'configuration: OIDC_ISSUER, OIDC_AUDIENCE and OIDC_SUBJECTS: must all be set, or none of them',
    );
  }
  const from = {
    issuer,
    discoveryUrl: settings.OIDC_DISCOVERY_URL ?? issuer,
    caFile: settings.OIDC_CA_FILE,
    tokenFile: settings.OIDC_TOKEN_FILE,
    closing,
  };
  const keys = new IssuerKeys({ read: () => readKeys(from), now, log });
  keys.refresh().catch(() => undefined);
  return new EventGuard({ issuer, audience, subjects, keys, now });
}
