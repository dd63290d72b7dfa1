import { ConflictError } from './errors.ts';
import type { Reader, SqlValue, Store, Tx } from './store.ts';

/** A document that counts its changes, so that two writers cannot overwrite each other unseen. */
export interface Versioned {
  /** 0 before it was ever stored. */
  readonly version: number;
}

/** A table with one JSON document per row: `(<id>, version, body, <columns>)`. */
export interface Documents<T extends Versioned> {
  find(reader: Reader, id: string): Promise<T | undefined>;
  /** Documents by a condition on the columns, like `customer_id = $1 order by placed_at`. */
  select(reader: Reader, condition: string, ...values: readonly SqlValue[]): Promise<T[]>;
  /** @throws ConflictError when the stored version is not the one that was loaded. */
  save(tx: Tx, document: T): Promise<void>;
}

/**
 * Reads and writes a table of documents.
 * @param columns what is queried by, derived from the document at every save.
 */
export function documents<T extends Versioned>(
  table: string,
  id: string,
  idOf: (document: T) => string,
  columns: Readonly<Record<string, (document: T) => SqlValue>>,
): Documents<T> {
  const names = Object.keys(columns);
  const places = names.map((_, index) => `$${index + 4}`);
  const insert = `insert into ${table} (${[id, 'version', 'body', ...names].join(', ')})
    values (${['$1', '$2', '$3', ...places].join(', ')}) on conflict (${id}) do nothing`;
  const changes = names.map((name, index) => `${name} = ${places[index]}`);
  const update = `update ${table} set ${['version = $2', 'body = $3', ...changes].join(', ')}
    where ${id} = $1 and version = $${names.length + 4}`;
  const select = `select version, body from ${table} where`;
  const read = (row: { version: number; body: string }): T =>
    ({ ...(JSON.parse(row.body) as object), version: row.version }) as T;
  return {
    async find(reader, key) {
      const row = await reader.get<{ version: number; body: string }>(`${select} ${id} = $1`, key);
      return row && read(row);
    },
    async select(reader, condition, ...values) {
      return (await reader.all<{ version: number; body: string }>(`${select} ${condition}`, ...values)).map(
        read,
      );
    },
    async save(tx, document) {
      const { version, ...body } = document;
      const values = names.map((name) => columns[name]?.(document) ?? null);
      const row = [idOf(document), version + 1, JSON.stringify(body), ...values];
      const changed = version === 0 ? await tx.run(insert, ...row) : await tx.run(update, ...row, version);
      if (changed === 0) throw new ConflictError(`${table} ${idOf(document)} was changed meanwhile`);
    },
  };
}

const MAX_TRIES = 5;

/** Like `store.write`, and again from the start when a document was changed by somebody else meanwhile. */
export async function writeOrRetry<T>(store: Store, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await store.write(work);
    } catch (error) {
      if (!(error instanceof ConflictError) || tries === MAX_TRIES) throw error;
    }
  }
}
