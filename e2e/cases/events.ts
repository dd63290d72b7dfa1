import { randomUUID } from 'node:crypto';
import { orderCancellationRequested } from '../../events/order.ts';
import { Ledger } from '../../services/cluster/ledger.ts';
import { isFor, lettersOf, type Letter } from '../letters.ts';
import { POST_EVENT } from '../programs.ts';
import type { Case, Context, Stage } from '../stage.ts';

/** Whom the poison is for, alone. */
const VICTIM = 'shipping';
/** Takes what it is not interested in, whatever it holds. */
const UNCONCERNED = 'inventory';
/** With OIDC a service may say only what comes from itself, and these events are posted beside this one. */
const SPEAKER = 'storefront';
const ACT = { by: 'e2e', reason: 'sent by the end-to-end test' };

interface Posted {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const poison: Case = {
  name: 'poison',
  what: 'an event that can never be handled becomes a dead letter with its cause; replay and discard work',
  async run(context) {
    const { stage, say } = context;
    const [discarded, replayed] = [await bury(context), await bury(context)];
    const again = await replay(stage, discarded, 'subscriber');
    if (again.sent !== 0)
      throw new Error(`${VICTIM} has taken dead letter ${discarded.id}, which nobody can`);
    say(`replayed dead letter ${discarded.id} to ${VICTIM}, which refuses it again`);
    await staff(stage, '/api/dead-letters/discard', { select: { ids: [discarded.id] }, ...ACT });
    await settled(stage, discarded, 'discarded');
    say(`discarded dead letter ${discarded.id}`);
    const taken = await replay(stage, replayed, UNCONCERNED);
    if (taken.sent !== 1) throw new Error(`${UNCONCERNED} has not taken dead letter ${replayed.id}`);
    await settled(stage, replayed, 'replayed');
    say(`replayed dead letter ${replayed.id} to ${UNCONCERNED}, which takes it`);
  },
};

export const events: Case = {
  name: 'events',
  what: 'anyone’s event reaches the ledger through the Broker, binary or structured; what is no event is refused',
  async run({ stage, say }) {
    for (const [mode, make] of Object.entries(MODES)) {
      const id = `e2e-${randomUUID()}`;
      const status = await post(stage, make(attributesOf('com.example.greeting', id), { text: 'hello' }));
      if (status !== 202) throw new Error(`the Broker answers ${status} to a ${mode} event, not 202`);
      const kept = await stage.shop.wait(`the ledger keeps the ${mode} event ${id}`, async () => {
        const found = await new Ledger(stage.shop).events({ correlation: id });
        return found.find((event) => event.id === id);
      });
      const { data } = await new Ledger(stage.shop).whole(kept);
      if (JSON.stringify(data) !== '{"text":"hello"}')
        throw new Error(`the ledger keeps the ${mode} event ${id} with other data: ${JSON.stringify(data)}`);
      say(`the ledger keeps the ${mode} event ${id}`);
    }
    const nothing = { headers: { 'content-type': 'application/json' }, body: '{"text":"hello"}' };
    const status = await post(stage, nothing);
    if (status !== 400) throw new Error(`the Broker answers ${status} to what is no event, not 400`);
    say('the Broker refuses what is no event');
  },
};

type Make = (attributes: Readonly<Record<string, string>>, data: unknown) => Posted;

const binary: Make = (attributes, data) => ({
  headers: {
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value])),
    'content-type': 'application/json',
  },
  body: JSON.stringify(data),
});

const structured: Make = (attributes, data) => ({
  headers: { 'content-type': 'application/cloudevents+json' },
  body: JSON.stringify({ ...attributes, datacontenttype: 'application/json', data }),
});

const MODES: Readonly<Record<string, Make>> = { binary, structured };

function attributesOf(type: string, id: string): Readonly<Record<string, string>> {
  const source = `/tradewind/${SPEAKER}`;
  return {
    specversion: '1.0',
    id,
    source,
    type,
    correlationid: id,
    partitionkey: id,
    dataclassification: 'internal',
  };
}

async function post(stage: Stage, posted: Posted): Promise<number> {
  const answer = await stage.run(SPEAKER, POST_EVENT, posted);
  return (JSON.parse(answer) as { status: number }).status;
}

/** Posts poison for one service, and waits for its dead letter. */
async function bury({ stage, say }: Context): Promise<Letter> {
  const id = `e2e-${randomUUID()}`;
  const status = await post(stage, binary(attributesOf(orderCancellationRequested.type, id), { orderId: 7 }));
  if (status !== 202) throw new Error(`the Broker answers ${status} to an event, not 202`);
  const letter = await stage.shop.wait(`the ledger has a dead letter of ${id}`, async () => {
    const [found] = await lettersOf(stage, id, 'open');
    return found;
  });
  if (!isFor(letter, stage, VICTIM))
    throw new Error(`dead letter ${letter.id} names ${letter.subscriber || 'nobody'}, not ${VICTIM}`);
  // RabbitMQ drops what is refused with a 4xx, so the services answer 500 there, which might pass.
  const expected = stage.brokerClass === 'RabbitMQBroker' ? 'failed, waiting' : 'refused, held';
  const seen = `${letter.cause}, ${letter.state}`;
  if (seen !== expected) throw new Error(`dead letter ${letter.id} is ${seen}, not ${expected}`);
  if (!/ (?:refused|failed with) this event/.test(letter.words))
    throw new Error(`dead letter ${letter.id} does not say what happened: ${letter.words}`);
  say(`dead letter ${letter.id}: ${letter.words}`);
  return letter;
}

interface Replay {
  readonly id: string;
  readonly state: string;
  readonly sent: number;
  readonly refused: number;
}

async function replay(stage: Stage, { id }: Letter, to: string): Promise<Replay> {
  const order = { of: 'dead-letters', select: { ids: [id] }, to, ...ACT };
  const begun = await staff<Replay>(stage, '/api/replays', order);
  return stage.shop.wait(`the replay of dead letter ${id} is done`, async () => {
    const seen = await stage.shop.look<Replay>('ledger', `/api/replays/${begun.id}`);
    return seen?.state === 'done' ? seen : undefined;
  });
}

async function settled({ shop }: Stage, { id }: Letter, outcome: string): Promise<void> {
  const letter = await shop.look<Letter>('ledger', `/api/dead-letters/${id}`);
  if (letter?.state !== 'closed' || letter.outcome !== outcome)
    throw new Error(`dead letter ${id} is ${letter?.outcome ?? letter?.state ?? 'gone'}, not ${outcome}`);
}

async function staff<T>({ shop }: Stage, path: string, order: unknown): Promise<T> {
  const { status, body } = await shop.staff('ledger', 'POST', path, order);
  if (status >= 300) throw new Error(`the ledger answers ${status} to POST ${path}: ${body}`);
  return JSON.parse(body) as T;
}
