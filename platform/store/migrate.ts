import type { Dialect, Reader, Store, Tx } from './store.ts';

/** One forward step of a schema. Never edited once released: a change is a new step. */
export interface Migration {
  /** Unique and ordered, like `001-orders`. */
  readonly name: string;
  /** Statements, in order. */
  readonly statements: (dialect: Dialect) => readonly string[];
}

/**
 * Brings a database up to date, all steps that it lacks in one transaction. Of several processes that start together
 * one does so, and the others wait for it. Where nothing is to be done, nothing needs the right to.
 * @throws Error when the database holds a step this program does not know: it was made by a newer one.
 */
export async function migrate(store: Store, migrations: readonly Migration[]): Promise<void> {
  const { read, dialect } = store;
  if ((await missing(read, dialect, migrations)).length === 0) return;
  await store.alone((tx) => apply(tx, migrations));
}

async function apply(tx: Tx, migrations: readonly Migration[]): Promise<void> {
  const steps = await missing(tx, tx.dialect, migrations);
  if (!(await isBegun(tx, tx.dialect)))
    await tx.run('create table migrations (name text primary key, applied_at text not null)');
  for (const migration of steps) {
    for (const statement of migration.statements(tx.dialect)) await tx.run(statement);
    await tx.run(
      'insert into migrations (name, applied_at) values ($1, $2)',
      migration.name,
      new Date().toISOString(),
    );
  }
}

async function isBegun(reader: Reader, dialect: Dialect): Promise<boolean> {
  return Boolean((await reader.get<{ found: boolean | number }>(dialect.hasTable, 'migrations'))?.found);
}

async function missing(
  reader: Reader,
  dialect: Dialect,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const rows = (await isBegun(reader, dialect))
    ? await reader.all<{ name: string }>('select name from migrations order by name')
    : [];
  const known = new Set(migrations.map(({ name }) => name));
  const foreign = rows.find(({ name }) => !known.has(name));
  if (foreign) {
    throw new Error(
      `the database has migration "${foreign.name}", which this version does not know: run a newer one`,
    );
  }
  const applied = new Set(rows.map(({ name }) => name));
  return migrations.filter(({ name }) => !applied.has(name));
}
