import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';

/** A connection beside the pool. */
export interface Dialled {
  readonly client: Client;
  /** Ends it, and does not wait long for a server that does not hang up. Never throws. */
  hangUp(): Promise<void>;
}

/** The driver itself waits for the other side without end, and a socket that is open keeps the process alive. */
const GOODBYE_MS = 1000;

/** Makes a connection that is not open yet. */
export function dial(config: ClientConfig): Dialled {
  const socket = new Socket();
  const client = new Client({ ...config, stream: () => socket });
  // One that is lost says so by an event, which ends the process when nobody listens. The next query tells.
  client.on('error', () => undefined);
  return {
    client,
    async hangUp() {
      const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
      await client.end().catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
