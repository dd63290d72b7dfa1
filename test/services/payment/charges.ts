import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface SimulatedCharge {
  readonly order_id: string;
  readonly amount: number;
  readonly captured: number;
  readonly voided: number;
  readonly refunded: number;
  readonly expires_at: string;
}

/** What the simulated provider has in its own books. */
export function chargesIn(dataDir: string): SimulatedCharge[] {
  using db = new DatabaseSync(join(dataDir, 'payment', 'simulator.sqlite'), {
    readOnly: true,
    timeout: 5000,
  });
  const rows = db
    .prepare('select order_id, amount, captured, voided, refunded, expires_at from charges')
    .all();
  return rows as unknown as SimulatedCharge[];
}
