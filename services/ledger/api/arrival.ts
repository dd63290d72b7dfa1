import type { IncomingMessage } from 'node:http';
import { type Problem, problems } from '../../../platform/errors.ts';
import type { ByteBudget } from '../bytes.ts';

/** A sender that sends nothing for so long has to begin anew. */
const MAX_SILENCE_MS = 5000;

/** A body on its way in. It takes room as it comes: what is only announced keeps nobody out. */
export class Arrival {
  readonly #room: ByteBudget;
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  /** @param limit bytes at most */
  constructor(room: ByteBudget, limit: number) {
    this.#room = room;
    this.#limit = limit;
  }

  /**
   * Reads the body whole. What still comes of a refused one is read and dropped, or its sender would miss the answer.
   * @throws Problem 413 when it is longer than may be; 503 when there is no room, or it stops coming
   */
  async read(request: IncomingMessage): Promise<Buffer> {
    if (Number(request.headers['content-length'] ?? 0) > this.#limit) throw problems.tooLarge(this.#limit);
    if (request.destroyed) throw cutOff();
    let isOver = false;
    let silence: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        silence = setTimeout(() => reject(cutOff()), MAX_SILENCE_MS);
        request.on('data', (chunk: Buffer) => {
          if (isOver) return;
          silence?.refresh();
          const refusal = this.#take(chunk);
          isOver = refusal !== undefined;
          if (refusal) reject(refusal);
        });
        request.on('end', () => resolve(Buffer.concat(this.#chunks)));
        request.on('error', () => reject(cutOff()));
      });
    } finally {
      isOver = true;
      clearTimeout(silence);
    }
  }

  /** Gives its room back. */
  release(): void {
    this.#room.give(this.#size);
    this.#size = 0;
    this.#chunks.length = 0;
  }

  #take(chunk: Buffer): Problem | undefined {
    if (this.#size + chunk.length > this.#limit) return problems.tooLarge(this.#limit);
    if (!this.#room.tryTake(chunk.length)) {
      return problems.unavailable('too many dead letters at once; send it again');
    }
    this.#size += chunk.length;
    this.#chunks.push(chunk);
    return undefined;
  }
}

function cutOff(): Problem {
  return problems.unavailable('the dead letter stopped coming; send it again');
}
