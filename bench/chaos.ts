import { runChaos } from '../test/support/chaos.ts';
import { runDatabaseOutage } from '../test/support/database-outage.ts';
import { runOutage } from '../test/support/outage.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { readArguments } from './lib/arguments.ts';

/** Every commit is on disk, as in production. */
const DURABLE = ['max_connections=400'];

const usage = `npm run chaos -- [kills|outage|replicas|database …] [--orders N] [--kills 40] [--changes 100] [--port-base 29080]

kills     kills the processes of a shop at random under load (200 orders)
outage    takes shipping, and then payment, away for ten times the delivery budget while customers order (500) and
          move, and kills the ledger twice meanwhile
replicas  kills as well, but in a shop with two processes of each service on PostgreSQL behind a round-robin proxy;
          once balanced by connection, once by request; then takes payment away from it as well
database  kills PostgreSQL under such a shop three times while customers order: it is away for 20 s, for 3 s, and falls
          over and recovers by itself

All look, when everything has come to rest, for what was lost or done twice.`;

const scenarios: Record<string, () => Promise<readonly string[]>> = {
  kills,
  outage,
  replicas,
  database,
};
const args = readArguments(
  usage,
  { orders: 0, kills: 40, changes: 100, 'port-base': 29_080 },
  Object.keys(scenarios),
);
const {
  orders = 0,
  kills: killings = 40,
  changes = 100,
  'port-base': portBase = 29_080,
} = args?.values ?? {};
if (args) await run(args.words);

async function run(names: readonly string[]): Promise<void> {
  const faults: string[] = [];
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (names.length === 0 || names.includes(name)) faults.push(...(await scenario()));
  }
  console.log(faults.length === 0 ? 'nothing was lost, nothing was done twice' : 'FAULTS, see above');
  if (faults.length > 0) process.exitCode = 1;
}

async function kills(): Promise<readonly string[]> {
  return told(await runChaos({ orders: orders || 200, kills: killings, portBase, log }));
}

async function outage(): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const service of ['shipping', 'payment']) {
    const report = await runOutage({ service, orders: orders || 500, changes, portBase, log });
    faults.push(...told({ service, ...report }));
  }
  return faults;
}

async function replicas(): Promise<readonly string[]> {
  const server = await startPostgres(DURABLE);
  try {
    const faults: string[] = [];
    for (const balance of ['connection', 'request'] as const) {
      const options = { orders: orders || 200, kills: killings, portBase, server: server.url, log };
      const report = await runChaos({ ...options, replication: { replicas: 2, balance } });
      faults.push(...told({ balance, ...report }));
    }
    const replication = { replicas: 2, balance: 'connection' } as const;
    const options = { orders: orders || 500, changes, portBase, server: server.url, replication, log };
    const report = await runOutage({ service: 'payment', ...options });
    faults.push(...told({ service: 'payment', ...report }));
    return faults;
  } finally {
    await server.remove();
  }
}

async function database(): Promise<readonly string[]> {
  const server = await startPostgres(DURABLE);
  try {
    const options = { server, portBase, replicas: 2, ordersBetween: orders || 100, log };
    return told(await runDatabaseOutage({ ...options, absences: [20_000, 3000, 0] }));
  } finally {
    await server.remove();
  }
}

function told<Report extends { readonly faults: readonly string[] }>(report: Report): readonly string[] {
  console.log(JSON.stringify(report, undefined, 2));
  return report.faults;
}

function log(line: string): void {
  console.log(line);
}
