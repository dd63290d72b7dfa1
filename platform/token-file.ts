import { readFileSync } from 'node:fs';

/** Who renews a token does so long before it expires: a second later is soon enough. */
const FRESH_MS = 1000;

/** A bearer token in a file, which Kubernetes or Knative renews while the program runs. */
export class TokenFile {
  readonly #path: string;
  #token = '';
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Headers that show the token, for one request; none where there is no such file.
   * @throws Error when it is there and cannot be read
   */
  headers(): Readonly<Record<string, string>> {
    if (performance.now() - this.#readAt >= FRESH_MS) {
      this.#token = read(this.#path);
      this.#readAt = performance.now();
    }
    return this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` };
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
