import { parseArgs } from 'node:util';
import { messageOf } from '../../platform/errors.ts';
import { parseDuration } from '../../platform/duration.ts';

/** What `npm start` was asked for. */
export interface Arguments {
  readonly dataDir: string;
  readonly portBase: number;
  readonly processes: boolean;
  readonly autoDispatch: string;
  readonly help: boolean;
}

/** Port of the storefront when nobody names another. */
export const DEFAULT_PORT_BASE = 8080;

export const help = `Runs the whole shop on this machine.

  npm start -- [options]

  --data DIR                    folder of all data (default: .data)
  --port-base N                 port of the storefront; the broker and the other services
                                have places of their own behind it (default: ${DEFAULT_PORT_BASE})
  --processes                   the broker and each service as a process of its own,
                                restarted when it dies (default: one process)
  --auto-dispatch DURATION|off  parcels leave by themselves this long after they were
                                prepared: 500ms, 30s, 5m (default: 30s)
  --help                        this text

Settings of the services are read from the environment too, LOG_LEVEL=info for example.`;

/** Reads the command line. @throws Error that says what is wrong with it and points to --help. */
export function readArguments(args: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        data: { type: 'string', default: '.data' },
        'port-base': { type: 'string', default: String(DEFAULT_PORT_BASE) },
        processes: { type: 'boolean', default: false },
        'auto-dispatch': { type: 'string', default: '30s' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return {
      dataDir: folder(values.data),
      portBase: port(values['port-base']),
      processes: values.processes,
      autoDispatch: durationOrOff(values['auto-dispatch']),
      help: values.help,
    };
  } catch (error) {
    throw new Error(`${messageOf(error)}\nnpm start -- --help lists the options`, { cause: error });
  }
}

function folder(text: string): string {
  if (text.trim() !== '') return text;
  throw new Error('--data must name a folder');
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 65_500) return value;
  throw new Error(`--port-base must be a whole number from 1 to 65500, not "${text}"`);
}

function durationOrOff(text: string): string {
  if (text === 'off' || parseDuration(text) !== undefined) return text;
  throw new Error(`--auto-dispatch must be a duration such as 500ms, 30s or 5m, or off, not "${text}"`);
}
