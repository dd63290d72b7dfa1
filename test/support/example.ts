import { z } from 'zod';
import { contractsOf } from '../../platform/contract.ts';
import type { Route } from '../../platform/http/route.ts';
import {
  defineService,
  on,
  type AnyServiceCard,
  type Effects,
  type Received,
  type Tap,
  type TaskKind,
} from '../../platform/service.ts';
import type { Migration } from '../../platform/store/migrate.ts';
import type { Tx } from '../../platform/store/store.ts';

const defineEvent = contractsOf({
  type: 'com.example',
  source: '/example',
  dataschema: 'urn:example:event',
});
const about = {
  subject: (data: { name: string }) => data.name,
  correlation: (data: { name: string }) => data.name,
};

/** Somebody asks the example service something. */
export const asked = defineEvent({
  name: 'example.asked',
  emitter: 'somebody',
  summary: 'A question.',
  schema: z.object({ name: z.string().min(1), by: z.string() }),
  route: { ...about, partitionKey: (data) => data.by },
  example: { name: 'why', by: 'ada' },
});

/** The example service has answered. */
export const answered = defineEvent({
  name: 'example.answered',
  emitter: 'example',
  summary: 'An answer.',
  schema: z.object({ name: z.string(), by: z.string(), text: z.string() }),
  route: { ...about, partitionKey: (data) => data.by },
  example: { name: 'why', by: 'ada', text: 'because' },
});

export type Emits = typeof answered;
export type Handle = (tx: Tx, event: Received<typeof asked>) => Promise<Effects<Emits>>;

export interface Example {
  readonly handle?: Handle;
  readonly taps?: readonly Tap<object>[];
  readonly tasks?: readonly TaskKind<Emits, object>[];
  readonly routes?: readonly Route<Emits, object>[];
  readonly migrations?: readonly Migration[];
  readonly gauges?: NonNullable<AnyServiceCard['gauges']>;
}

/** Answers every question at once. */
export const answer: Handle = async (_tx, { data }) => ({
  emit: [{ event: 'example.answered', data: { ...data, text: 'because' } }],
});

/** A service that knows no shop word, for tests of what every service stands on. */
export function exampleService(example: Example = {}) {
  const { handle = answer, taps = [], tasks = [], routes = [], migrations = [], gauges = {} } = example;
  return defineService<Emits, Record<string, never>, object>({
    name: 'example',
    summary: 'Answers questions.',
    handles: [on<typeof asked, Emits, object>(asked, handle)],
    taps,
    emits: [answered],
    tasks,
    routes,
    migrations,
    settings: {},
    gauges,
    open: async () => ({}),
  });
}
