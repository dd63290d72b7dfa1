import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/**
 * What tests put in the place of helm and kubectl: asks the cluster of the test what happens. A forwarded port is one in
 * earnest, and goes as kubectl's does: to the Pod it began with, for as long as there is that one.
 */
interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Port that is to be forwarded. */
  readonly forward?: number;
}

const LOOK_MS = 1000;

const [url = '', tool = '', ...args] = process.argv.slice(2);
const hasInput = args.includes('-') || args.includes('--stdin');
const said = await ask(args, hasInput ? await text(process.stdin) : '');
process.stdout.write(said.stdout);
process.stderr.write(said.stderr);
process.exitCode = said.code;
if (said.forward !== undefined) await forward();

async function ask(words: readonly string[], input: string): Promise<Said> {
  const body = JSON.stringify({ tool, args: words, input });
  return (await fetch(url, { method: 'POST', body })).json() as Promise<Said>;
}

async function forward(): Promise<void> {
  // Whoever started it may have been killed, but the test's own cluster goes in any case.
  setInterval(() => void ask(['version'], '').catch(() => process.exit(1)), LOOK_MS);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const carry = async (): Promise<void> => {
      const { forward: port, stderr } = await ask(args, '');
      if (port === undefined) {
        process.stderr.write(stderr);
        process.exit(1);
      }
      const upstream = connect(port, '127.0.0.1').on('error', () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
      socket.once('close', () => upstream.destroy());
    };
    void carry();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`Forwarding from 127.0.0.1:${port} -> 8080\n`);
}
