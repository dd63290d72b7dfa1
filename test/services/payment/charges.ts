import type { TestData } from '../../support/data.ts';

export interface SimulatedCharge {
  readonly order_id: string;
  readonly amount: number;
  readonly captured: number;
  readonly voided: number;
  readonly refunded: number;
  readonly expires_at: string;
}

/** What the simulated provider has in its own books. */
export function chargesIn(data: TestData): Promise<SimulatedCharge[]> {
  return data.rows(
    'payment',
    'simulator',
    'select order_id, amount, captured, voided, refunded, expires_at from charges',
  );
}
