import type { Dialect, Store, Tx } from './store.ts';

/** One forward step of a schema. Never edited once released: a change is a new step. */
export interface Migration {
  /** Unique and ordered, like `001-orders`. */
  readonly name: string;
  /** Statements, in order. */
  readonly statements: (dialect: Dialect) => readonly string[];
}

/**
 * Brings a database up to date, each step in a transaction of its own.
 * @throws Error when the database holds a step this program does not know: it was made by a newer one.
 */
export async function migrate(store: Store, migrations: readonly Migration[]): Promise<void> {
  await store.write((tx) =>
    tx.run('create table if not exists migrations (name text primary key, applied_at text not null)'),
  );
  const known = new Set(migrations.map((migration) => migration.name));
  const applied = await store.read.all<{ name: string }>('select name from migrations order by name');
  const foreign = applied.find((row) => !known.has(row.name));
  if (foreign) {
    throw new Error(
      `the database has migration "${foreign.name}", which this version does not know: run a newer one`,
    );
  }
  for (const migration of migrations) await store.write((tx) => apply(tx, migration, store.dialect));
}

async function apply(tx: Tx, migration: Migration, dialect: Dialect): Promise<void> {
  // The row goes first, so that two programs that start together collide here and not half-way through.
  const fresh = await tx.run(
    'insert into migrations (name, applied_at) values ($1, $2) on conflict (name) do nothing',
    migration.name,
    new Date().toISOString(),
  );
  if (fresh === 0) return;
  for (const statement of migration.statements(dialect)) await tx.run(statement);
}
