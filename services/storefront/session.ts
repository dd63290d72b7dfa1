import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseCookie, stringifySetCookie } from 'cookie';

/** Who a customer is: a signed cookie, given with the first order. */
export interface Sessions {
  /** The customer of a request; a missing or tampered cookie is nobody. */
  read(cookieHeader: string | undefined): string | undefined;
  /** The `set-cookie` header that makes a browser this customer. */
  cookie(customerId: string): string;
}

export const SESSION_COOKIE = 'tradewind_session';
/** The longest that browsers keep a cookie. */
const MAX_AGE_S = 400 * 86_400;

export function createSessions(secret: string, secure: boolean): Sessions {
  const sign = (customerId: string): string =>
    createHmac('sha256', secret).update(`session:${customerId}`).digest('base64url');
  return {
    read(cookieHeader) {
      const value = parseCookie(cookieHeader ?? '')[SESSION_COOKIE] ?? '';
      const customerId = value.slice(0, Math.max(0, value.lastIndexOf('.')));
      return value !== '' && sameText(value, `${customerId}.${sign(customerId)}`) ? customerId : undefined;
    },
    cookie: (customerId) =>
      stringifySetCookie({
        name: SESSION_COOKIE,
        value: `${customerId}.${sign(customerId)}`,
        httpOnly: true,
        sameSite: 'lax',
        secure,
        path: '/',
        maxAge: MAX_AGE_S,
      }),
  };
}

function sameText(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
