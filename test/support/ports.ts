import { createServer, type Server } from 'node:net';

/** Finds a run of ports that are free now. */
export async function freePortBase(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const base = 20_000 + Math.floor(Math.random() * 10_000);
    const servers = Array.from({ length: count }, (_, index) => open(base + index));
    const opened = await Promise.allSettled(servers);
    await Promise.all(opened.map(async (each) => each.status === 'fulfilled' && close(each.value)));
    if (opened.every((each) => each.status === 'fulfilled')) return base;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function open(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
