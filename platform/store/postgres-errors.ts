import { messageOf } from '../errors.ts';
import { StoreError, UnfitError } from './errors.ts';

/**
 * Classes and codes of PostgreSQL's errors (its manual, appendix A) that may be gone the next time: connection,
 * deadlock and serialization, resources, locks and cancelled statements, shutdown, the system, and a standby that was
 * taken for the primary. 08P01 is what PgBouncer says when it has no server to lead to.
 */
const PASSING = /^(?:08|40|53|55P03|57|58|25P03|25P04|25006)/;

/** How Node calls what is wrong with a certificate: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const OF_A_CERTIFICATE = /^(?:ERR_TLS_CERT_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)_)/;

/** One of several transactions was broken off so that the others could go on; it had no effect. */
const BROKEN_OFF = /^40(?:001|P01)/;

/** An error that the server sent; everything else comes from the connection to it. */
export function isFromServer(error: unknown): error is Error & { code: string; detail?: string } {
  return (
    typeof error === 'object' &&
    error !== null &&
    'severity' in error &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

/** Whether somebody has kept a lock for longer than it was waited for. */
export function isLocked(error: unknown): boolean {
  return error instanceof StoreError && isFromServer(error.cause) && error.cause.code === '55P03';
}

/** Whether to run the same transaction again at once. */
export function isBrokenOff(error: unknown): boolean {
  return error instanceof StoreError && isFromServer(error.cause) && BROKEN_OFF.test(error.cause.code);
}

/** Makes a `StoreError` of what may pass. What may not keeps its code, but no values of the row it is about. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof StoreError || error instanceof UnfitError) return error;
  if (isFromServer(error)) {
    // `Failing row contains (…)`: an address, for example, which belongs in no log.
    delete error.detail;
    if (!PASSING.test(error.code) || isOurFault(error)) return error;
  }
  if (OF_A_CERTIFICATE.test(codeOf(error)))
    return new UnfitError(`the certificate of the database is refused: ${messageOf(error)}`, {
      cause: error,
    });
  return new StoreError(messageOf(error) || codeOf(error), { cause: error });
}

/** The code of PgBouncer's refusals is also that of a message that the server cannot read; but those do not end the session. */
function isOurFault(error: Error & { code: string }): boolean {
  return error.code === '08P01' && (error as { severity?: string }).severity !== 'FATAL';
}

/** An address that stands for several, like `localhost`, fails without words. */
function codeOf(error: unknown): string {
  const known = typeof error === 'object' && error !== null && 'code' in error;
  return known ? String(error.code) : 'no connection';
}
