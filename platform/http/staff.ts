import { createHash, timingSafeEqual } from 'node:crypto';
import { problems } from '../errors.ts';

/**
 * Checks a staff token in constant time.
 * @param staffToken `undefined`: nobody is staff here.
 * @throws Problem 401 when the header is missing or the token is another one.
 */
export function requireStaff(authorization: string | undefined, staffToken: string | undefined): void {
  if (staffToken === undefined) {
    throw problems.unauthenticated(
      'the staff routes are closed: no STAFF_TOKEN was set at the start',
      'Bearer',
    );
  }
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
  if (given === undefined) {
    throw problems.unauthenticated('send the staff token as "authorization: Bearer <token>"', 'Bearer');
  }
  // Hashed first: timingSafeEqual wants equal lengths, and the length is a secret too.
  if (!timingSafeEqual(digest(given), digest(staffToken))) {
    throw problems.unauthenticated('this staff token is not valid', 'Bearer error="invalid_token"');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
