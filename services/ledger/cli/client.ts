import { z } from 'zod';
import { fieldErrors, messageOf } from '../../../platform/errors.ts';
import { parseJsonToPassOn } from '../../../platform/json.ts';
import { Failure, Unreachable } from './failure.ts';
import { printable } from './text.ts';

/** Where the ledger is, and what opens it. */
export interface Access {
  readonly url: string;
  readonly token: string | undefined;
  /** Where the token was found, or looked for. */
  readonly tokenFrom: string;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Request {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const PATIENCE_MS = 30_000;
const problem = z.object({ status: z.int(), title: z.string(), detail: z.string().optional() });

/** The ledger's API as the commands use it. */
export class LedgerClient {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  async get<T>(path: string, schema: z.ZodType<T>, query: Query = {}): Promise<T> {
    return this.#read(`GET ${path}`, await this.open('GET', path, { query }), schema);
  }

  async post<T>(path: string, schema: z.ZodType<T>, body: unknown): Promise<T> {
    return this.#read(`POST ${path}`, await this.open('POST', path, { body }), schema);
  }

  /** Entries of a paged list, until there are `limit` of them; `next` is there when the list goes on. */
  async list<Item>(path: string, item: z.ZodType<Item>, query: Query, limit: number): Promise<Page<Item>> {
    const page = z.looseObject({ items: z.array(item), next: z.string().optional() });
    const items: Item[] = [];
    let cursor: string | undefined;
    do {
      const size = Math.min(limit - items.length, PAGE);
      const answer = await this.get(path, page, { ...query, limit: size, cursor });
      items.push(...answer.items);
      cursor = answer.next;
    } while (cursor !== undefined && items.length < limit);
    return { items, ...(cursor === undefined ? {} : { next: cursor }) };
  }

  /**
   * An answer whose body is still to be read.
   * @throws Unreachable when there is none now, Failure when the ledger refuses.
   */
  async open(method: 'GET' | 'POST', path: string, request: Request = {}): Promise<Response> {
    const { url, token, tokenFrom } = this.#access;
    if (token === undefined)
      throw new Failure(`there is no staff token: looked in ${tokenFrom}\n${TOKEN_HELP}`);
    const { query = {}, body, headers, signal = AbortSignal.timeout(PATIENCE_MS) } = request;
    const address = new URL(url.replace(/\/$/, '') + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) address.searchParams.set(name, String(value));
    const response = await fetch(address, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw this.#nobody(error);
    });
    if (response.ok) return response;
    throw await this.#refusal(response);
  }

  async #read<T>(what: string, response: Response, schema: z.ZodType<T>): Promise<T> {
    const bytes = await response.arrayBuffer().catch((error: unknown) => {
      throw this.#nobody(error);
    });
    return checked(schema, readJson(Buffer.from(bytes)), `the answer to ${what}`);
  }

  #nobody(error: unknown): Unreachable {
    const { url } = this.#access;
    return new Unreachable(
      `no ledger answers at ${url} (${reasonOf(error)})\nIs the shop running there? "npm start" starts one here; --url or LEDGER_URL names another.`,
    );
  }

  async #refusal(response: Response): Promise<Failure> {
    const { url, tokenFrom } = this.#access;
    const body = await response.text().catch(() => '');
    const parsed = problem.safeParse(readJson(Buffer.from(body)));
    if (!parsed.success)
      return new Failure(
        `what answers at ${url} is no ledger: it said ${response.status} to ${response.url}`,
      );
    const { title, detail = title } = parsed.data;
    const words = printable(detail);
    if (response.status === 401)
      return new Failure(
        `the ledger at ${url} does not take the staff token of ${tokenFrom}: ${words}\n${TOKEN_HELP}`,
      );
    return response.status === 503 ? new Unreachable(words) : new Failure(words);
  }
}

/** What a list answered. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string;
}

const PAGE = 100;
const TOKEN_HELP =
  'Run this in the folder of the shop, or name its data with --data; elsewhere set STAFF_TOKEN or --token-file.';

/** Takes an answer for what it should be. @throws Failure that names what is different. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = fieldErrors(result.error.issues).slice(0, 3);
  const list = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  throw new Failure(
    `${what} is not what this command knows: ${printable(list)}\nIs the ledger of another version?`,
  );
}

/** Numbers keep every digit; what is no JSON is nothing. */
export function readJson(bytes: Buffer): unknown {
  try {
    return parseJsonToPassOn(bytes);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return `no answer within ${PATIENCE_MS / 1000} s`;
  return cause?.code ?? cause?.message ?? messageOf(error);
}
