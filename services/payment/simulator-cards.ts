/** How a card of the simulator behaves. */
export interface Card {
  readonly last4: string;
  /** Why it is declined. */
  readonly declines?: string;
  /** Why an order's second authorization is declined. */
  readonly declinesAgain?: string;
  /** Answers late. */
  readonly slow?: true;
  /** The first answer never arrives, though the work is done. */
  readonly loses?: true;
  /** Its authorizations last a moment only. */
  readonly short?: true;
}

const cards: ReadonlyMap<string, Card> = new Map([
  ['tok_visa', { last4: '4242' }],
  ['tok_declined', { last4: '0002', declines: 'card_declined' }],
  ['tok_insufficient', { last4: '9995', declines: 'insufficient_funds' }],
  ['tok_slow', { last4: '4242', slow: true }],
  ['tok_lost', { last4: '4242', loses: true }],
  ['tok_expires', { last4: '4242', short: true }],
  ['tok_expires_declined', { last4: '0341', short: true, declinesAgain: 'card_declined' }],
]);

/** The card behind a token; an unknown token is declined. */
export function cardOf(token: string): Card {
  return cards.get(token) ?? { last4: '0000', declines: 'invalid_token' };
}
