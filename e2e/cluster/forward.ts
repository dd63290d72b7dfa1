import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Tools } from './tools.ts';

const PORT = 8080;
const OPEN_WITHIN_MS = 20_000;

/** A kubectl that forwards a port to one Pod. */
interface Line {
  readonly child: ChildProcess;
  readonly port: number;
}

/**
 * An address on this machine that leads to a Pod, and to another one when that is gone: `kubectl port-forward` stays
 * with the Pod that it began with, so it is started anew. It goes through the API server and the kubelet into the Pod's
 * own loopback interface, where NetworkPolicies do not apply.
 */
export class Forward implements AsyncDisposable {
  readonly #tools: Tools;
  readonly #pick: () => Promise<string>;
  readonly #server = createServer((socket) => void this.#carry(socket));
  readonly #sockets = new Set<Socket>();
  #line: Promise<Line> | undefined;

  private constructor(tools: Tools, pick: () => Promise<string>) {
    this.#tools = tools;
    this.#pick = pick;
  }

  /** @param pick names the Pod to go to @throws whatever `pick` throws, to whoever connects: as a closed connection */
  static async open(tools: Tools, pick: () => Promise<string>): Promise<Forward> {
    const forward = new Forward(tools, pick);
    await once(forward.#server.listen(0, '127.0.0.1'), 'listening');
    return forward;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Leaves the Pod: whoever connects next is led to one that is picked anew. */
  async leave(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    for (const socket of this.#sockets) socket.destroy();
    const found = await line?.catch(() => undefined);
    found?.child.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    if (this.#server.listening) await once(this.#server.close(), 'close');
  }

  async #carry(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    const line = await this.#opened().catch(() => undefined);
    if (!line || socket.destroyed) {
      socket.destroy();
      return;
    }
    const upstream = connect(line.port, '127.0.0.1');
    upstream.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
    socket.once('close', () => upstream.destroy());
    upstream.once('close', () => {
      socket.destroy();
      // Asked and not answered: the Pod may be gone, which kubectl does not notice by itself.
      if (upstream.bytesWritten > 0 && upstream.bytesRead === 0) void this.#drop(line);
    });
  }

  async #drop(line: Line): Promise<void> {
    const current = await this.#line?.catch(() => undefined);
    if (current === line) await this.leave();
  }

  #opened(): Promise<Line> {
    this.#line ??= this.#start().catch((error: unknown) => {
      this.#line = undefined;
      throw error;
    });
    return this.#line;
  }

  async #start(): Promise<Line> {
    const pod = await this.#pick();
    const args = ['port-forward', `pod/${pod}`, `:${PORT}`, '--address', '127.0.0.1'];
    const child = await this.#tools.start(args);
    const line = { child, port: await portOf(child) };
    child.once('exit', () => void this.#drop(line));
    return line;
  }
}

/** Waits until kubectl says at which port it listens. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => {
      child.kill();
      reject(new Error('kubectl port-forward says no port'));
    }, OPEN_WITHIN_MS);
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      const [, port] = /Forwarding from 127\.0\.0\.1:(\d+) ->/.exec(said) ?? [];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`kubectl port-forward: ${said.trim()}`));
    });
  });
}
