import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';

const HEADER = 5;
const READY = 'Z'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);
/** AuthenticationOk, and ReadyForQuery while idle: see "Message Formats" in PostgreSQL's manual. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, READY, 0, 0, 0, 5, IDLE]);

/**
 * A pooler by transaction, as simple as can be: all who come share one session of the server, which is whoever's has something
 * to say, until that is answered and no transaction is open.
 * @param server of PostgreSQL, without a password
 */
export async function openTransactionPooler(server: string): Promise<{ url: string } & AsyncDisposable> {
  const { hostname, port } = new URL(server);
  const session = new SharedSession(connect(Number(port), hostname));
  const open = new Set<Socket>([session.socket]);
  const listener = createServer((client) => {
    open.add(client);
    client.on('error', () => undefined);
    client.once('data', (startup) => session.begin(client, startup));
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(server);
  url.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
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
    this.socket = socket.on('error', () => undefined).on('data', (answer) => this.#answer(answer));
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
