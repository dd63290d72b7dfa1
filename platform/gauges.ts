import type { Registry } from 'prom-client';
import { addGauge } from './metrics.ts';
import type { AnyServiceCard } from './service.ts';
import { outboxLag } from './store/outbox.ts';
import type { Reader } from './store/store.ts';
import { taskCounts } from './store/tasks.ts';

/** Adds what waits in a service, and the numbers of its card, to its metrics: read whenever somebody asks. */
export function addServiceGauges(
  registry: Registry,
  reader: Reader,
  now: () => Date,
  own: AnyServiceCard['gauges'] = {},
): void {
  const age = (since: string | null): number => (since ? (now().getTime() - Date.parse(since)) / 1000 : 0);
  const add = (name: string, help: string, read: () => Promise<number>): void =>
    addGauge(registry, { name, help, read });
  const lag = shared(() => outboxLag(reader));
  const tasks = shared(() => taskCounts(reader, now()));
  add('tradewind_outbox_events', 'Events that wait to be sent.', async () => (await lag()).waiting);
  add('tradewind_outbox_oldest_seconds', 'Age of the oldest unsent event.', async () =>
    age((await lag()).oldest),
  );
  add('tradewind_tasks_due', 'Tasks that are due.', async () => (await tasks()).due);
  add('tradewind_tasks_failing', 'Tasks that failed and come again.', async () => (await tasks()).failing);
  for (const [name, { help, labels = [], read }] of Object.entries(own)) {
    addGauge(registry, { name, help, labels, read: () => read(reader, now()) });
  }
}

/** What is asked for while it is read is read once: all numbers are asked for at the same time. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => (reading ??= read().finally(() => (reading = undefined)));
}
