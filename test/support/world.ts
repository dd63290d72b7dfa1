import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { startService, type RunningService } from '../../platform/runtime.ts';
import { readSettings } from '../../platform/settings.ts';
import { taskCounts } from '../../platform/store/tasks.ts';
import { services } from '../../services/index.ts';
import { Customer } from './customer.ts';
import { openTestData, type TestData } from './data.ts';
import { call, STAFF_TOKEN, type Answer } from './service.ts';
import type { SentEvent } from './sink.ts';

/** An event on its way to one service. */
export interface Delivery {
  readonly to: string;
  readonly event: SentEvent;
}

/** How an event arrives: as it was sent, with a repetition to come, or told once more under a new id. */
export type Arrival = 'once' | 'again' | 'retold';

const START = Date.UTC(2026, 10, 24, 9, 30);

/**
 * The services without a broker: the test decides which event arrives when and how often, and what time it is. Nothing
 * happens by itself, so a run is told by its steps alone.
 */
export class World implements AsyncDisposable {
  /** Events that were sent and have not arrived. */
  readonly pending: Delivery[] = [];
  /** What has happened since `forget`, for a test that fails. */
  readonly log: string[] = [];
  readonly data: TestData;
  readonly #services = new Map<string, RunningService>();
  #now = START;

  private constructor(data: TestData) {
    this.data = data;
  }

  static async open(env: Record<string, string>): Promise<World> {
    const world = new World(await openTestData('world'));
    const common = { PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', STAFF_TOKEN };
    for (const card of services) {
      const settings = readSettings(card, { ...common, ...world.data.env, ...env });
      world.#services.set(card.name, await startService(card, settings, { now: () => world.now }));
    }
    await world.settle();
    return world;
  }

  get now(): Date {
    return new Date(this.#now);
  }

  service(name: string): RunningService {
    const service = this.#services.get(name);
    if (!service) throw new Error(`there is no service ${name}`);
    return service;
  }

  customer(): Customer {
    return new Customer((name) => this.service(name).url);
  }

  async staff(name: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const options = { staff: true, ...(body === undefined ? {} : { body }) };
    const answer = await call(this.service(name).url, method, path, options);
    this.log.push(`${method} ${path}: ${answer.status}`);
    await this.settle();
    return answer;
  }

  /** Drops what a run that failed has left behind. */
  forget(): void {
    this.pending.length = 0;
    this.log.length = 0;
  }

  /** Lets the nth pending event arrive. */
  async deliver(nth: number, arrival: Arrival): Promise<void> {
    const delivery = this.pending[nth];
    if (!delivery) throw new Error('nothing is pending');
    if (arrival === 'once') this.pending.splice(nth, 1);
    const { data, ...attributes } = delivery.event;
    const named = arrival === 'retold' ? { ...attributes, id: randomUUID() } : attributes;
    const outcome = await this.service(delivery.to).intake.handle({
      attributes: named as Record<string, string>,
      data: Buffer.from(JSON.stringify(data)),
    });
    this.log.push(`${delivery.to} <- ${delivery.event.type} ${arrival}: ${outcome}`);
    await this.settle();
  }

  /** Lets everything arrive, and what follows from it. @param picks which comes next, over and over */
  async deliverAll(picks: readonly number[]): Promise<void> {
    for (let step = 0; this.pending.length > 0; step += 1) {
      if (step > 10_000) throw new Error('the events never end');
      await this.deliver((picks[step % picks.length] ?? 0) % this.pending.length, 'once');
    }
  }

  async advance(ms: number): Promise<void> {
    this.#now += ms;
    this.log.push(`${ms} ms pass`);
    await this.settle();
  }

  /** Waits until no task is due, and gathers what was sent. */
  async settle(): Promise<void> {
    for (const service of this.#services.values()) {
      service.wake();
      while ((await taskCounts(service.store.read, this.now)).due > 0) await turn();
      this.pending.push(...(await gather(service)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services.values()) await service.close();
    await this.data.remove();
  }
}

/** Takes what is in an outbox, once for every service that wants it. */
async function gather({ store }: RunningService): Promise<Delivery[]> {
  const rows = await store.read.all<{ seq: number; event: string }>(
    'select seq, event from outbox order by seq',
  );
  const last = rows.at(-1);
  if (!last) return [];
  await store.write((tx) => tx.run('delete from outbox where seq <= $1', last.seq));
  return rows.flatMap((row) => {
    const event = JSON.parse(row.event) as SentEvent;
    return receivers(event).map((to) => ({ to, event }));
  });
}

function receivers(event: SentEvent): string[] {
  const wants = ({
    contract,
  }: {
    contract: { type: string; attributes: Readonly<Record<string, string>> };
  }): boolean =>
    contract.type === event.type &&
    Object.entries(contract.attributes).every(([name, value]) => event[name] === value);
  return services.filter((card) => card.handles.some(wants)).map((card) => card.name);
}
