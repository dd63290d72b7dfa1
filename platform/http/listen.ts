import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A server that is listening. */
export interface Listening {
  readonly port: number;
  readonly url: string;
  /** Stops taking connections and resolves when the requests at work are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** As Go's servers take. A broker tries what is answered 431 no more: an event with long extensions would be lost. */
const MAX_HEADER_BYTES = 1024 * 1024;

export interface ListenOptions {
  /** A connection is closed after so many: whoever balances by connection then spreads them anew. 0: never. */
  readonly maxRequestsPerSocket?: number;
}

/** Starts an HTTP server. @throws Error saying that the port is taken, and which. */
export async function listen(
  handler: RequestListener,
  port: number,
  host: string,
  { maxRequestsPerSocket = 0 }: ListenOptions = {},
): Promise<Listening> {
  const options = { keepAliveTimeout: 10_000, requestTimeout: 60_000, maxHeaderSize: MAX_HEADER_BYTES };
  const server = createServer(options, handler);
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  const silent = trackSilent(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new Error(`port ${port} is taken: stop what uses it, or choose another port`) : error);
    });
    server.listen(port, host, 1024, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return {
    port: bound,
    url: `http://${name}:${bound}`,
    close: (graceMs) => closeServer(server, silent, graceMs),
  };
}

const IDLE_CHECK_MS = 20;

/** Connections that were opened ahead of need, as browsers do, and have not asked anything yet. */
function trackSilent(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  return silent;
}

function closeServer(server: Server, silent: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    // A connection that is kept alive after its last answer would hold up the end. To Node one that never asked
    // anything is not idle, so those are ended by hand.
    const idle = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of silent) socket.destroy();
    }, IDLE_CHECK_MS);
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
  });
}
