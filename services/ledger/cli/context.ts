import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { environment, readConfig, setting } from '../../../platform/config.ts';
import { messageOf } from '../../../platform/errors.ts';
import { LedgerClient, type Access } from './client.ts';
import { Failure } from './failure.ts';
import { calm, coloured, plain, toJson, type Paint } from './text.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly data: string;
  readonly json?: true | undefined;
  readonly color: boolean;
}

/** How an answer is drawn. */
export interface Look {
  readonly width: number;
  readonly paint: Paint;
  readonly now: Date;
}

/** What a command works with. */
export interface Context {
  readonly client: LedgerClient;
  readonly json: boolean;
  /** Prints an answer: as JSON where that was asked for, else as it is drawn, free of what a terminal acts on. */
  show<T>(answer: T, draw: (answer: T, look: Look) => string): void;
  /** Prints one entry of a stream, likewise. */
  showLine<T>(entry: T, draw: (entry: T, look: Look) => string): void;
  /** Says something beside the answer. */
  note(text: string): void;
}

const DEFAULT_URL = 'http://127.0.0.1:8086';
const MAX_WIDTH = 100;

const shopSecrets = z.object({ staffToken: z.string().min(1) });

export function contextOf(options: GlobalOptions): Context {
  const json = options.json ?? false;
  const look: Look = {
    width: Math.min(process.stdout.columns ?? MAX_WIDTH, MAX_WIDTH),
    paint: wantsColour(options) ? coloured : plain,
    now: new Date(),
  };
  return {
    client: new LedgerClient(accessOf(options)),
    json,
    show: (answer, draw) => print(json ? toJson(answer) : draw(calm(answer), look)),
    showLine: (entry, draw) => print(json ? toJson(entry, 0) : draw(calm(entry), look)),
    note: (text) => void process.stderr.write(`${text}\n`),
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Who the audit log names when nobody else is named. */
export function whoami(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have no name.
    return 'staff';
  }
}

function wantsColour({ color, json }: GlobalOptions): boolean {
  return color && !json && process.stdout.isTTY && !environment()['NO_COLOR'];
}

function accessOf(options: GlobalOptions): Access {
  const { LEDGER_URL, STAFF_TOKEN } = readConfig(
    { LEDGER_URL: setting.url().default(DEFAULT_URL), STAFF_TOKEN: setting.text().optional() },
    environment(),
  );
  return { url: options.url ?? LEDGER_URL, ...tokenOf(options, STAFF_TOKEN) };
}

function tokenOf(options: GlobalOptions, fromEnvironment: string | undefined): Omit<Access, 'url'> {
  const { tokenFile, data } = options;
  if (tokenFile !== undefined) return { token: readToken(tokenFile), tokenFrom: tokenFile };
  if (fromEnvironment !== undefined) return { token: fromEnvironment, tokenFrom: 'STAFF_TOKEN' };
  const path = join(data, 'secrets.json');
  return { token: readShopToken(path), tokenFrom: path };
}

function readToken(path: string): string {
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (token !== '') return token;
  } catch (error) {
    throw new Failure(`--token-file: ${messageOf(error)}`);
  }
  throw new Failure(`--token-file: ${path} is empty`);
}

function readShopToken(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return shopSecrets.parse(JSON.parse(text)).staffToken;
  } catch {
    throw new Failure(`${path} holds no staff token`);
  }
}
