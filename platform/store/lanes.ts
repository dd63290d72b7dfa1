import { LANES } from './outbox.ts';
import type { Store } from './store.ts';

/**
 * Shares the lanes of an outbox out among the replicas that are alive: says that this one is, makes its leases
 * longer, and takes free lanes up to its share. Whose leases have ended is dead. Times are the database's, so that no
 * clock of a replica matters.
 * @returns the lanes that are this replica's, and how many would be its share.
 */
export function claimLanes(
  store: Store,
  replica: string,
  leaseMs: number,
): Promise<{ readonly lanes: readonly number[]; readonly share: number }> {
  const leaseEnd = `now() + $2 * interval '1 millisecond'`;
  return store.write(async (tx) => {
    await tx.run(
      `insert into relay_replicas (replica, alive_until) values ($1, ${leaseEnd})
       on conflict (replica) do update set alive_until = excluded.alive_until`,
      replica,
      leaseMs,
    );
    await tx.run('delete from relay_replicas where alive_until < now()');
    const count = await tx.get<{ alive: number }>('select count(*) as alive from relay_replicas');
    const share = Math.ceil(LANES / (count?.alive ?? 1));
    const kept = await tx.all<{ lane: number }>(
      `update relay_lanes set held_until = ${leaseEnd} where replica = $1 returning lane`,
      replica,
      leaseMs,
    );
    const taken = await tx.all<{ lane: number }>(
      `update relay_lanes set replica = $1, held_until = ${leaseEnd} where lane in (
         select lane from relay_lanes where replica is null or held_until < now()
         order by lane limit $3 ${tx.dialect.skipLocked}) returning lane`,
      replica,
      leaseMs,
      Math.max(0, share - kept.length),
    );
    return { lanes: [...kept, ...taken].map(({ lane }) => lane), share };
  });
}

/** Lets others have some lanes. */
export async function releaseLanes(store: Store, replica: string, lanes: readonly number[]): Promise<void> {
  if (lanes.length === 0) return;
  const list = lanes.map((_, index) => `$${index + 2}`).join(', ');
  await store.write((tx) =>
    tx.run(
      `update relay_lanes set replica = null where replica = $1 and lane in (${list})`,
      replica,
      ...lanes,
    ),
  );
}

/** Leaves: all lanes are free, and the share of the others grows. */
export async function leaveLanes(store: Store, replica: string): Promise<void> {
  await store.write(async (tx) => {
    await tx.run('update relay_lanes set replica = null where replica = $1', replica);
    await tx.run('delete from relay_replicas where replica = $1', replica);
  });
}
