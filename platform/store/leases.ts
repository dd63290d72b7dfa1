import type { Store } from './store.ts';

/**
 * Takes a lease, or makes one longer that is held already. Times are the database's, so that no clock of a replica
 * matters.
 * @returns whether it is the holder's now
 */
export async function takeLease(store: Store, name: string, holder: string, ms: number): Promise<boolean> {
  const changed = await store.write((tx) =>
    tx.run(
      `insert into leases (name, holder, held_until) values ($1, $2, now() + $3 * interval '1 millisecond')
       on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until
       where leases.holder = excluded.holder or leases.held_until < now()`,
      name,
      holder,
      ms,
    ),
  );
  return changed > 0;
}

/** Lets others have a lease. */
export async function dropLease(store: Store, name: string, holder: string): Promise<void> {
  await store.write((tx) => tx.run('delete from leases where name = $1 and holder = $2', name, holder));
}
