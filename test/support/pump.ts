import { Pump, type PumpOptions } from '../../platform/pump.ts';

/** What the pumps of the tests work. */
export interface Row {
  readonly seq: number;
  readonly key: string;
}

export function rows(count: number, keys = 1): Row[] {
  return Array.from({ length: count }, (_, index) => ({ seq: index + 1, key: `k${index % keys}` }));
}

/** A queue in memory with a pump on it, and what the pump did. */
export function pumpOn(stored: Row[], options: Partial<PumpOptions<Row>> = {}) {
  const done: number[] = [];
  let atWork = 0;
  let most = 0;
  let fetches = 0;
  const pump = new Pump<Row>({
    fetch: async (after, limit) => {
      fetches += 1;
      return stored.filter((row) => row.seq > after).slice(0, limit);
    },
    seq: (row) => row.seq,
    key: (row) => row.key,
    work: async (row) => {
      done.push(row.seq);
      return 'done';
    },
    settle: async (settled) => {
      for (const row of settled) stored.splice(stored.indexOf(row), 1);
    },
    maxInFlight: 8,
    maxBuffered: 20,
    onError: () => undefined,
    ...options,
    ...(options.work
      ? {
          work: async (row: Row) => {
            atWork += 1;
            most = Math.max(most, atWork);
            const outcome = await options.work?.(row);
            atWork -= 1;
            done.push(row.seq);
            return outcome ?? 'done';
          },
        }
      : {}),
  });
  return { pump, done, most: () => most, fetches: () => fetches };
}
