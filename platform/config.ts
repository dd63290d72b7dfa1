import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { messageOf } from './errors.ts';

/** Configuration that cannot be used; the message names every variable at fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** The variables of a process. The only place that touches `process.env`. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/**
 * Reads settings by environment variable. An empty variable counts as not set; `NAME_FILE` names a file whose
 * content is the value of `NAME`, as mounted secrets are.
 * @param shape variable name → zod schema, applied to the text.
 * @throws ConfigError naming each variable that is missing or wrong.
 */
export function readConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<Shape>> {
  const values = Object.fromEntries(Object.keys(shape).map((name) => [name, valueOf(name, env)]));
  const result = z.object(shape).safeParse(values);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return values[name] === undefined ? `${name}: is not set` : `${name}: ${message}`;
  });
  throw new ConfigError(`configuration: ${lines.join('; ')}`);
}

function valueOf(name: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const direct = env[name];
  const file = env[`${name}_FILE`];
  if (direct) return direct;
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (error) {
    throw new ConfigError(`configuration: ${name}_FILE: ${messageOf(error)}`);
  }
}

/** Settings in the words of an environment: every one a zod schema from text. */
export const setting = {
  text: () => z.string(),
  integer: (min: number, max: number) =>
    z
      .string()
      .regex(/^\d+$/, 'must be a whole number')
      .transform(Number)
      .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`)
      .meta({ unit: 'number' }),
  /** Milliseconds from `500ms`, `2s`, `5m`, `1h` or ISO 8601. */
  duration: () =>
    z
      .string()
      .transform((text, context) => {
        const value = parseDuration(text);
        if (value !== undefined) return value;
        context.addIssue({
          code: 'custom',
          message: `"${text}" is no duration; write 500ms, 2s, 5m, 1h or PT2S`,
        });
        return z.NEVER;
      })
      .meta({ unit: 'duration' }),
  url: () => z.url({ protocol: /^https?$/, message: 'must be an http or https URL' }),
  /** Where a database is. It may hold a password, so that it never appears in a message either. */
  databaseUrl: () =>
    z
      .string()
      .refine(
        (text) => /^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text),
        'must be like postgres://user:password@host:5432/database, with special characters %-encoded',
      ),
  /** Addresses by name, like `payment=http://127.0.0.1:8082,shipping=http://…`. */
  addresses: () =>
    z
      .string()
      .default('')
      .transform((text, context): ReadonlyMap<string, string> => {
        const pairs = text
          .split(',')
          .map((pair) => pair.trim())
          .filter(Boolean);
        const parsed = pairs.map((pair) => /^([a-z0-9][-a-z0-9.]*)=(https?:\/\/\S+)$/.exec(pair));
        if (parsed.every((match) => match !== null && URL.canParse(match[2] ?? ''))) {
          return new Map(parsed.map((match) => [match?.[1] ?? '', match?.[2] ?? '']));
        }
        context.addIssue({
          code: 'custom',
          message: 'must be like payment=http://127.0.0.1:8082,shipping=http://…',
        });
        return z.NEVER;
      }),
  /** One certificate or more, in PEM. */
  certificates: () => z.string().refine(isCertificate, 'must be certificates in PEM'),
  /** A secret; its value never appears in a message. */
  secret: (minLength: number) => z.string().min(minLength, `must have ${minLength} characters or more`),
};

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
