/**
 * Programs that run beside a service, with its own settings, files and rights: from the folder of the project, so that
 * they import what the service imports. Input is JSON on standard input, as is the output on standard output.
 */
const INPUT = `
const { readFileSync, existsSync } = await import('node:fs');
const { text } = await import('node:stream/consumers');
const { environment } = await import('./platform/config.ts');
const input = JSON.parse(await text(process.stdin));
const tell = (answer) => process.stdout.write(JSON.stringify(answer));
`;

/**
 * Posts to the Broker that the service posts to, with the service's token where there is one. Needs no right to reach
 * the Broker from outside, and no knowledge of where its class has its ingress.
 */
export const POST_EVENT = `${INPUT}
const token = '/oidc/token';
const identity = existsSync(token) ? { authorization: 'Bearer ' + readFileSync(token, 'utf8').trim() } : {};
const { headers, body } = input;
const response = await fetch(environment().K_SINK, { method: 'POST', headers: { ...headers, ...identity }, body });
tell({ status: response.status });
`;

/** The books of the simulated payment provider; null where another one is asked. */
export const READ_CHARGES = `${INPUT}
const { readSettings } = await import('./platform/settings.ts');
const { payment } = await import('./services/payment/service.ts');
const settings = readSettings(payment, environment());
const sql = 'select order_id as "orderId", amount, captured, voided, refunded from charges';
if (settings.PAYMENT_GATEWAY !== 'simulator') tell(null);
else if (settings.DATABASE_URL === undefined) {
  const { DatabaseSync } = await import('node:sqlite');
  const path = settings.DATA_DIR + '/payment/simulator.sqlite';
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  tell(database.prepare(sql).all());
} else {
  const { openPostgres } = await import('./platform/store/postgres.ts');
  const store = await openPostgres({
    url: settings.DATABASE_URL,
    ca: settings.DATABASE_CA,
    schema: 'payment_simulator',
    poolSize: 2,
    connectTimeoutMs: settings.DATABASE_CONNECT_TIMEOUT,
    statementTimeoutMs: settings.DATABASE_STATEMENT_TIMEOUT,
  });
  tell(await store.read.all(sql));
  await store.close();
}
`;
