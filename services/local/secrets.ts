import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const secrets = z.object({ staffToken: z.string().min(16), sessionSecret: z.string().min(32) });

/** Secrets of a shop on one machine. */
export type Secrets = z.infer<typeof secrets>;

/** Makes a shop's secrets at its first start and keeps them beside its data, readable by their owner alone. */
export function loadSecrets(dataDir: string): Secrets {
  const path = join(dataDir, 'secrets.json');
  const stored = read(path);
  if (stored) return stored;
  const fresh = { staffToken: random(18), sessionSecret: random(32) };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  // Renamed into place, so that a crash leaves no half of it.
  writeFileSync(`${path}.new`, `${JSON.stringify(fresh, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return fresh;
}

function read(path: string): Secrets | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return secrets.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${path} cannot be used: mend it, or remove it to get new secrets`, { cause: error });
  }
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
