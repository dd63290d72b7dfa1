import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';

const HEADER = 5;
const READY = 'Z'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);
/** AuthenticationOk, and ReadyForQuery while idle: see "Message Formats" in PostgreSQL's manual. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, READY, 0, 0, 0, 5, IDLE]);

/** Stands before a server. */
export interface Pooler extends AsyncDisposable {
  readonly url: string;
}

/**
 * A pooler by transaction, as simple as can be: all who come share one session of the server, which is whoever's has something
 * to say, until that is answered and no transaction is open.
 * @param server of PostgreSQL, without a password
 */
export async function openTransactionPooler(server: string): Promise<Pooler> {
  const session = new SharedSession(connectTo(server));
  const pooler = await openBefore(server, (client) => {
    client.once('data', (startup) => session.begin(client, startup));
  });
  return {
    url: pooler.url,
    [Symbol.asyncDispose]() {
      session.socket.destroy();
      return pooler[Symbol.asyncDispose]();
    },
  };
}

/** Says what PgBouncer says while its server is away, to the first two who come, and leads all others to the server. */
export function openPoolerWithoutServer(server: string): Promise<Pooler> {
  const fields = `${['SFATAL', 'VFATAL', 'C08P01', 'Mserver login has been failing', ''].join('\0')}\0`;
  const refusal = Buffer.alloc(HEADER + fields.length);
  refusal.write('E');
  refusal.writeInt32BE(4 + fields.length, 1);
  refusal.write(fields, HEADER);
  let refused = 0;
  return openBefore(server, (client) => {
    if (refused < 2) client.once('data', () => client.end(refusal));
    else client.pipe(connectTo(server)).pipe(client);
    refused += 1;
  });
}

/** Leads to the server until it is frozen: then nothing comes through any more, and nobody hangs up. */
export async function openFreezer(server: string): Promise<Pooler & { freeze(): void }> {
  const pairs: Socket[] = [];
  const pooler = await openBefore(server, (client) => {
    const upstream = connectTo(server);
    client.pipe(upstream).pipe(client);
    pairs.push(client, upstream);
  });
  return {
    ...pooler,
    freeze() {
      for (const socket of pairs.splice(0)) socket.unpipe().pause();
    },
  };
}

function connectTo(server: string): Socket {
  const { hostname, port } = new URL(server);
  return connect(Number(port), hostname).on('error', () => undefined);
}

async function openBefore(server: string, onClient: (client: Socket) => void): Promise<Pooler> {
  const clients = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client.on('error', () => undefined));
    onClient(client);
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(server);
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await once(listener.close(), 'close');
    },
  };
}

/** The one session, and who waits for it. */
class SharedSession {
  readonly socket: Socket;
  readonly #waiting: { readonly client: Socket; readonly said: Buffer }[] = [];
  #holder: Socket | undefined;
  #isBegun = false;
  #heard: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket.on('data', (answer) => this.#answer(answer));
  }

  /** The first one who comes opens it for all. */
  begin(client: Socket, startup: Buffer): void {
    client.on('data', (said) => this.#say(client, said));
    if (this.#isBegun) client.write(WELCOME);
    else this.#say(client, startup);
    this.#isBegun = true;
  }

  #say(client: Socket, said: Buffer): void {
    if (this.#holder !== undefined && this.#holder !== client) {
      this.#waiting.push({ client, said });
      return;
    }
    this.#holder = client;
    this.socket.write(said);
  }

  #answer(answer: Buffer): void {
    this.#holder?.write(answer);
    this.#heard = Buffer.concat([this.#heard, answer]);
    for (;;) {
      const length = this.#heard.length < HEADER ? Infinity : this.#heard.readInt32BE(1) + 1;
      if (length > this.#heard.length) return;
      const message = this.#heard.subarray(0, length);
      this.#heard = this.#heard.subarray(length);
      if (message[0] === READY && message[HEADER] === IDLE) this.#next();
    }
  }

  #next(): void {
    this.#holder = undefined;
    const next = this.#waiting.shift();
    if (next) this.#say(next.client, next.said);
  }
}
