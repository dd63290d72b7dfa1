import {
  createServer as createHttpServer,
  request,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** How a proxy spreads: as a Service does, by connection, or as a mesh does, by request. */
export type Balance = 'connection' | 'request';

/** Stands before the replicas of a service, as its Service does on a cluster. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
}

export interface ProxyOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly balance: Balance;
  /** Ports of the replicas. One that takes no connection is passed over; without any the caller is reset. */
  readonly replicas: () => readonly number[];
}

const HOST = '127.0.0.1';

/** Opens a round-robin proxy. */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const turns = new Turns(options.replicas);
  const server = options.balance === 'connection' ? byConnection(turns) : byRequest(turns);
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, HOST, 1024, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whose turn it is. */
class Turns {
  readonly #replicas: () => readonly number[];
  #next = 0;

  constructor(replicas: () => readonly number[]) {
    this.#replicas = replicas;
  }

  /** A connection to the replica whose turn it is, or to the next one that takes one. */
  async connect(): Promise<Socket | undefined> {
    const ports = this.#replicas();
    const first = this.#next;
    this.#next += 1;
    for (const index of ports.keys()) {
      const socket = await connected(ports[(first + index) % ports.length] ?? 0);
      if (socket) return socket;
    }
    return undefined;
  }
}

function connected(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST, noDelay: true, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

function byConnection(turns: Turns): Server {
  return createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    (caller) => void join(caller, turns),
  );
}

async function join(caller: Socket, turns: Turns): Promise<void> {
  caller.on('error', () => undefined);
  const replica = await turns.connect();
  if (!replica) {
    caller.resetAndDestroy();
    return;
  }
  replica.on('error', () => caller.resetAndDestroy());
  replica.once('close', () => caller.destroy());
  caller.once('close', () => replica.destroy());
  caller.pipe(replica);
  replica.pipe(caller);
}

function byRequest(turns: Turns): Server {
  return createHttpServer((incoming, answer) => void pass(incoming, answer, turns));
}

async function pass(incoming: IncomingMessage, answer: ServerResponse, turns: Turns): Promise<void> {
  const replica = await turns.connect();
  if (!replica) {
    incoming.socket.resetAndDestroy();
    return;
  }
  const { method, url: path, rawHeaders: headers } = incoming;
  const outgoing = request({ method, path, headers, createConnection: () => replica });
  outgoing.on('error', () => incoming.socket.resetAndDestroy());
  outgoing.on('response', (response) => {
    response.on('error', () => incoming.socket.resetAndDestroy());
    answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
    answer.flushHeaders();
    response.pipe(answer);
  });
  answer.once('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}
