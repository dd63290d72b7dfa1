import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** A bare connection, for what no HTTP client would send. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly received: string;
  send(text: string): void;
}

export async function connectTo(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let received = '';
  socket.setEncoding('utf8').on('data', (text) => {
    received += String(text);
  });
  socket.on('error', () => undefined);
  return {
    socket,
    get received() {
      return received;
    },
    send: (text) => void socket.write(text),
  };
}
