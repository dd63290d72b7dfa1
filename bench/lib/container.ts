import { parse } from 'yaml';
import { parseDockerfile, parseEnv } from '../../scripts/image/dockerfile.ts';

/** Memory of a service's container, in bytes. */
export interface Room {
  readonly request: number;
  readonly limit: number;
}

interface Resources {
  readonly requests?: { readonly memory?: string };
  readonly limits?: { readonly memory?: string };
}
interface Block {
  readonly resources?: Resources;
}
interface Values {
  readonly defaults: Block;
  readonly services: Readonly<Record<string, Block | undefined>>;
}

const MI = 1024 ** 2;
const UNITS = new Map([
  ['', 1],
  ['Ki', 1024],
  ['Mi', MI],
  ['Gi', 1024 ** 3],
]);

/** @param quantity as Kubernetes has it, `256Mi`. @throws Error when it is none. */
export function bytesOf(quantity: string): number {
  const [, number, unit = ''] = /^(\d+)(\D*)$/.exec(quantity) ?? [];
  const factor = UNITS.get(unit);
  if (number === undefined || factor === undefined)
    throw new Error(`"${quantity}" is no quantity of memory like 256Mi`);
  return Number(number) * factor;
}

/** The memory that the chart's values give a service: its own block wins over the defaults, key by key. */
export function roomOf(valuesYaml: string, service: string): Room {
  const { defaults, services } = parse(valuesYaml) as Values;
  const own = services[service]?.resources;
  const request = own?.requests?.memory ?? defaults.resources?.requests?.memory;
  const limit = own?.limits?.memory ?? defaults.resources?.limits?.memory;
  if (request === undefined || limit === undefined) throw new Error(`${service} has no request or no limit`);
  return { request: bytesOf(request), limit: bytesOf(limit) };
}

/**
 * Node's flags in the image's last stage, for a process that no container limits: shares of the memory become what they
 * would be.
 */
export function flagsOf(dockerfile: string, limit: number): string[] {
  const instructions = parseDockerfile(dockerfile).at(-1)?.instructions ?? [];
  const env = instructions.filter(({ name }) => name === 'ENV').map(parseEnv);
  const options = env.map((each) => each['NODE_OPTIONS']).findLast((each) => each !== undefined) ?? '';
  return options.split(' ').map((flag) => {
    const share = /^--max-old-space-size-percentage=(\d+)$/.exec(flag)?.[1];
    if (share === undefined) return flag;
    return `--max-old-space-size=${Math.floor((limit / MI) * (Number(share) / 100))}`;
  });
}
