import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What every service has for its own working: an event that comes again may leave a trace here. */
const MACHINERY = /^(?:inbox|outbox|tasks|migrations|sqlite_.*)$/;
/** The broker and the ledger see every delivery; the others decide whether it changes anything. */
const WATCHERS = new Set(['broker', 'ledger']);

/**
 * Every row of every business table of a shop's services, by database and table; without `version`, which counts how
 * often a document was written, also when that changed nothing in it.
 */
export function readBooks(dataDir: string): Record<string, unknown[]> {
  const services = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const books: Record<string, unknown[]> = {};
  for (const { name } of services.filter(({ name: service }) => !WATCHERS.has(service))) {
    const files = readdirSync(join(dataDir, name)).filter(
      (file) => file.endsWith('.sqlite') && file !== 'lock.sqlite',
    );
    for (const file of files) Object.assign(books, readTables(join(dataDir, name, file), `${name}/${file}`));
  }
  return books;
}

function readTables(path: string, prefix: string): Record<string, unknown[]> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database
      .prepare("select name from sqlite_master where type = 'table' order by name")
      .all();
    const names = tables.map(({ name }) => String(name)).filter((name) => !MACHINERY.test(name));
    return Object.fromEntries(names.map((name) => [`${prefix}: ${name}`, rowsOf(database, name)]));
  } finally {
    database.close();
  }
}

function rowsOf(database: DatabaseSync, table: string): unknown[] {
  const rows = database.prepare(`select * from ${table} order by 1`).all();
  for (const row of rows) delete row['version'];
  return rows;
}
