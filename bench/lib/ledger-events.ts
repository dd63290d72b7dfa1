import { DatabaseSync } from 'node:sqlite';
import { orderPlaced } from '../../events/order.ts';

export const MILLION = 1_000_000;
export const PER_ORDER = 10;
const OPEN_LETTERS = 50_000;

/** The data of every event. */
export const data = Buffer.from(JSON.stringify(orderPlaced.example));

/** The attributes of an event: ten of them make the story of an order. */
export function attributesOf(number: number) {
  const order = `TW-BENCH-${Math.floor(number / PER_ORDER)}`;
  return {
    specversion: '1.0',
    id: `event-${number}`,
    source: orderPlaced.source,
    type: orderPlaced.type,
    subject: order,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    partitionkey: `customer-${number % 5000}`,
    correlationid: order,
    causationid: `event-${Math.max(0, number - 1)}`,
    dataclassification: 'internal',
  };
}

/** Straight into the tables: over HTTP it would take the better part of an hour. @returns bytes of all events */
export function fillLedger(path: string): number {
  const database = new DatabaseSync(path);
  const event = database.prepare(
    `insert into archive (id, source, type, subject, correlation_id, causation_id, happened_at, kept_at, arrivals, attributes, data, size)
     values (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
  );
  const letter = database.prepare(
    `insert into dead_letters (fingerprint, id, source, type, subject, correlation_id, partition_key, classification,
       subscriber, cause, code, answer, size, state, arrivals, attempts, failures, died_at, last_died_at, attributes)
     values (?, ?, ?, ?, ?, ?, ?, 'internal', ?, 'refused', 422, '', ?, 'held', 1, 0, 0, ?, ?, ?)`,
  );
  const body = database.prepare('insert into dead_letter_bodies (letter, body) values (?, ?)');
  let bytes = 0;
  const start = Date.now() - MILLION * 10;
  console.log('filling the store with a million events');
  for (let number = 0; number < MILLION;) {
    database.exec('begin');
    for (const end = number + 10_000; number < end; number += 1) {
      const attributes = attributesOf(number);
      const { id, source, type, subject, correlationid, causationid, partitionkey } = attributes;
      const at = new Date(start + number * 10).toISOString();
      const text = JSON.stringify(attributes);
      const size = text.length + data.length;
      bytes += size;
      event.run(id, source, type, subject, correlationid, causationid, at, at, text, data, size);
      if (number >= OPEN_LETTERS) continue;
      const subscriber = `http://service-${number % 7}/events`;
      const { lastInsertRowid } = letter.run(
        id,
        id,
        source,
        `${type}.${number % 11}`,
        subject,
        correlationid,
        partitionkey,
        subscriber,
        data.length,
        at,
        at,
        text,
      );
      body.run(lastInsertRowid, data);
    }
    database.exec('commit');
  }
  database.close();
  return bytes;
}
