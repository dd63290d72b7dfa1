import { addressOf, programs, type ShopOptions } from '../../services/local/plan.ts';
import { call, type Answer } from './service.ts';
import { until } from './until.ts';

/** What is more than nothing while something is under way or has gone astray. */
const BUSY = /_(?:outbox_events|tasks_due|broker_waiting|broker_dead_letters|dead_letters_open)\b.* [1-9]/;

/** Somebody of the staff, in a shop whose programs may be killed at any moment. */
export class Staff {
  readonly #shop: ShopOptions;

  constructor(shop: ShopOptions) {
    this.#shop = shop;
  }

  /** Calls a program; while it does not answer, or with 503, again. */
  async insist(program: string, method: string, path: string, body?: unknown): Promise<Answer> {
    let answer: Answer | undefined;
    await until(`${program} answers`, async () => {
      answer = await this.ask(program, method, path, body);
      return answer !== undefined && answer.status !== 503;
    });
    if (!answer) throw new Error('no answer');
    return answer;
  }

  /** Calls a program once; `undefined`: nobody is there. */
  ask(program: string, method: string, path: string, body?: unknown): Promise<Answer | undefined> {
    const options = { staff: true, ...(body === undefined ? {} : { body }) };
    return call(addressOf(program, this.#shop), method, path, options).catch(() => undefined);
  }

  /** The sum over all labels of a metric; `undefined`: nobody is there. */
  async metric(program: string, name: string): Promise<number | undefined> {
    const text = await this.#metrics(program);
    const samples = text
      ?.split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return samples?.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Whether nothing waits in any outbox, task table or queue, and no dead letter is open. */
  async atRest(): Promise<boolean> {
    const texts = await Promise.all(programs().map((name) => this.#metrics(name)));
    return texts.every((text) => text !== undefined && !BUSY.test(text));
  }

  async #metrics(program: string): Promise<string | undefined> {
    return (await this.ask(program, 'GET', '/metrics'))?.body as string | undefined;
  }
}
