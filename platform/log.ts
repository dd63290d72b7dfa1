import { pino, type Logger } from 'pino';

/** A structured logger. Log ids, names and counts; never event data, an address, a contact or a token. */
export type Log = Logger;

/** Whose log, how much of it, and for whom. */
export interface LogOptions {
  /** Name of the service, on every line. */
  readonly service: string;
  /** @default 'info' */
  readonly level?: string;
  /** `json` for machines, `text` for a terminal. @default 'json' */
  readonly format?: 'json' | 'text';
}

const LABELS: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

/** Makes the logger of a process or service; lines go to standard error, so that standard output stays for people. */
export function createLog({ service, level = 'info', format = 'json' }: LogOptions): Log {
  const options = {
    level,
    base: { service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: {
      paths: [
        '*.authorization',
        '*.cookie',
        '*.address',
        '*.shippingAddress',
        '*.contact',
        '*.email',
        '*.paymentToken',
      ],
      censor: '[redacted]',
    },
  };
  return format === 'json'
    ? pino(options, process.stderr)
    : pino(options, { write: (line: string) => void process.stderr.write(asText(line)) });
}

function asText(line: string): string {
  const { time, level, service, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const stack = err && typeof err === 'object' && 'message' in err ? [`error=${String(err.message)}`] : [];
  const clock = String(time).slice(11, 23);
  return `${[clock, (LABELS[Number(level)] ?? String(level)).padEnd(5), String(service).padEnd(10), msg, ...details, ...stack].join(' ')}\n`;
}
