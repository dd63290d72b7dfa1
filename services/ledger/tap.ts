import type { Tap } from '../../platform/service.ts';
import { keep } from './archive.ts';
import { isConfidential } from './confidential.ts';
import type { Deps } from './deps.ts';

/** Keeps whatever is internal, of any type and with any data. */
export const archiving: Tap<Deps> = {
  attributes: { dataclassification: 'internal' },
  async take(tx, event, { now, deps, log }, replay) {
    const { attributes } = event;
    if (isConfidential(attributes)) {
      // Refused, it would end among the dead letters with its data; whoever may have it gets it by its own Trigger.
      const { id, source, type } = attributes;
      log.warn({ eventId: id, source, type }, 'labelled internal, but confidential by its type: not kept');
      return 'ignored';
    }
    if (!(await keep(tx, event, now, replay))) return 'duplicate';
    tx.afterCommit(() => {
      deps.kept.inc();
      deps.live.ring();
    });
    return 'handled';
  },
};
