import { within } from '../within.ts';
import type { Route } from './accept.ts';
import type { DeliveryClient } from '../delivery/client.ts';
import { budgetPolicy, deliveryOf, endlessPolicy } from './delivery-policy.ts';
import { compileFilter } from './filter.ts';
import {
  keyOf,
  type BrokerManifest,
  type Destination,
  type Manifests,
  type TriggerManifest,
} from './manifests.ts';
import { DeliveryQueue, type QueueContext } from './queue.ts';
import { DEAD_LETTERS } from './store.ts';
import { Subscriber, type Resolve } from './subscriber.ts';

interface SwitchboardOptions {
  readonly context: QueueContext;
  readonly resolve: Resolve;
  readonly client: DeliveryClient;
}

const NOTING_MS = 500;

/** Connects Triggers with their subscribers: one queue per Trigger, one for its dead letters, shared receivers. */
export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #queues = new Map<string, { readonly queue: DeliveryQueue; readonly subscriber: Subscriber }>();
  readonly #subscribers = new Map<string, Subscriber>();

  constructor(options: SwitchboardOptions) {
    this.#options = options;
  }

  /** Makes the queues of all Triggers. */
  connect({ brokers, triggers }: Manifests): Route[] {
    const byKey = new Map(brokers.map((broker) => [keyOf(broker), broker]));
    return triggers.map((manifest) => {
      const broker = byKey.get(`${manifest.namespace}/${manifest.broker}`);
      if (!broker) throw new Error(`Trigger ${manifest.name} has no Broker`);
      const queue = this.#connect(manifest, broker);
      return { manifest, queue, filter: compileFilter({ attributes: manifest.attributes }) };
    });
  }

  has(queue: string): boolean {
    return this.#queues.has(queue);
  }

  /** Services that a Trigger names and nobody is mapped to. */
  unknownServices(): string[] {
    const unknown = [...this.#queues.values()].filter(({ subscriber }) => !subscriber.known);
    return [...new Set(unknown.map(({ subscriber }) => subscriber.address))];
  }

  /** Starts everything that waits. */
  start(): void {
    for (const { queue } of this.#queues.values()) queue.wake();
  }

  /** Starts no further attempt; those at work are waited for `graceMs`, then ended: they come again. */
  async close(graceMs: number): Promise<void> {
    const queues = [...this.#queues.values()].map(({ queue }) => queue);
    const subscribers = [...this.#subscribers.values()].map((subscriber) => subscriber.close());
    await within(graceMs, Promise.all([...subscribers, ...queues.map((queue) => queue.stop(graceMs))]));
    await this.#options.client.destroy();
    // What was delivered at the last moment has still to be noted.
    await Promise.all([...subscribers, ...queues.map((queue) => queue.stop(NOTING_MS))]);
  }

  #connect(manifest: TriggerManifest, broker: BrokerManifest): DeliveryQueue {
    const { namespace, ordered, subscriber } = manifest;
    const delivery = deliveryOf(manifest, broker);
    const name = namespace === 'default' ? manifest.name : keyOf(manifest);
    const sink = delivery.deadLetterSink;
    const deadLetters =
      sink &&
      this.#add(
        {
          name: name + DEAD_LETTERS,
          namespace,
          policy: endlessPolicy(delivery),
          ordered: true,
          toSink: true,
        },
        sink,
      );
    return this.#add(
      { name, namespace, policy: budgetPolicy(delivery), ordered, toSink: false, deadLetters },
      subscriber,
    );
  }

  #add(
    options: Omit<ConstructorParameters<typeof DeliveryQueue>[1], 'subscriber'>,
    destination: Destination,
  ): DeliveryQueue {
    const subscriber = this.#subscriberAt(destination);
    const queue = new DeliveryQueue(this.#options.context, { ...options, subscriber });
    this.#queues.set(options.name, { queue, subscriber });
    return queue;
  }

  /** One receiver per address: when it comes back, everything that waits for it wakes. */
  #subscriberAt(destination: Destination): Subscriber {
    const key = JSON.stringify([destination.ref?.name, destination.uri]);
    let subscriber = this.#subscribers.get(key);
    if (!subscriber) {
      const { resolve, client, context } = this.#options;
      const onError = (error: unknown): void =>
        context.log.error(
          { err: error, subscriber: subscriber?.address },
          'a probe failed inside; it comes again',
        );
      subscriber = new Subscriber({ destination, resolve, client, onError });
      this.#subscribers.set(key, subscriber);
    }
    return subscriber;
  }
}
