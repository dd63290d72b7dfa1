import type { TestData } from './data.ts';

type Row = Record<string, unknown>;

/** What every service has for its own working: an event that comes again may leave a trace here. */
const MACHINERY = /^(?:inbox|outbox|relay_.*|tasks|migrations|replicas|lanes|sqlite_.*)$/;
/** Databases of the services that decide whether an event changes anything. */
const BOOKS = [
  ['storefront', 'storefront'],
  ['payment', 'payment'],
  ['payment', 'simulator'],
  ['inventory', 'inventory'],
  ['shipping', 'shipping'],
] as const;

/**
 * Every row of every business table of a shop's services, by database and table; without `version`, which counts how
 * often a document was written, also when that changed nothing in it.
 */
export async function readBooks(data: TestData): Promise<Record<string, Row[]>> {
  const books: Record<string, Row[]> = {};
  for (const [service, name] of BOOKS) {
    for (const [table, rows] of await readTables(data, service, name)) {
      if (MACHINERY.test(table)) continue;
      for (const row of rows) delete row['version'];
      books[`${service}/${name}: ${table}`] = rows;
    }
  }
  return books;
}

/** All that a service has stored, as one text: to look for what must not be there. */
export async function everythingIn(data: TestData, service: string): Promise<string> {
  const rows = [...(await readTables(data, service, service)).values()].flat();
  return rows.flatMap((row) => Object.values(row).map(asText)).join('\n');
}

async function readTables(data: TestData, service: string, name: string): Promise<Map<string, Row[]>> {
  const names = await data.rows<{ name: string }>(service, name, TABLES[data.engine]);
  const tables = names.map(
    async ({ name: table }) =>
      [table, await data.rows<Row>(service, name, `select * from ${table} order by 1`)] as const,
  );
  return new Map(await Promise.all(tables));
}

const TABLES = {
  sqlite: "select name from sqlite_master where type = 'table' order by name",
  postgres: 'select table_name as name from information_schema.tables where table_schema = current_schema()',
} as const;

function asText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
}
