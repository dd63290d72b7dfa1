import { problems } from '../../platform/errors.ts';
import type { Tx } from '../../platform/store/store.ts';
import { audit, type Act } from './audit.ts';
import { findLetter, type Letter } from './letters.ts';

/**
 * Hands out a dead letter with its data, and writes down to whom and why in the same transaction: nobody has seen
 * anything before that is on disk.
 * @throws Problem 404; 409 when its data is erased
 */
export async function reveal(tx: Tx, seq: number, act: Act, now: Date): Promise<Letter & { body: Buffer }> {
  const letter = await findLetter(tx, seq);
  if (!letter) throw problems.notFound(`there is no dead letter "${seq}"`);
  const { body, id, type, outcome } = letter;
  if (!body)
    throw problems.conflict(`the data of dead letter ${seq} was erased when it was ${outcome ?? 'closed'}`);
  await audit(tx, act, 'reveal', { letter: seq, event: id, type }, now);
  return { ...letter, body };
}
