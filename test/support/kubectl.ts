import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * What tests put in the place of kubectl: knows the objects of a rendered chart, and runs what is executed in a Pod on
 * this machine, against the service that runs here. STAND_IN names a file with all of that.
 */
interface StandIn {
  readonly namespace: string;
  readonly objects: readonly { readonly kind: string; readonly name: string; readonly labels: object }[];
  /** Addresses of services, by the name of their Deployment. */
  readonly urls: Readonly<Record<string, string>>;
  readonly staffToken: string;
}

const PLURALS = /(?:s|es)$/;
const standIn = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as StandIn;
const [verb = '', ...rest] = process.argv.slice(3);
const split = rest.indexOf('--');
const [args, command] = split < 0 ? [rest, []] : [rest.slice(0, split), rest.slice(split + 1)];

const namespace = args[args.indexOf('-n') + 1];
if (namespace !== standIn.namespace && namespace !== 'knative-eventing')
  fail(`there is no namespace ${namespace}`);
if (namespace === standIn.namespace) args.filter((arg) => arg.includes('/')).forEach(requireNamed);
if (args.includes('-l')) requireLabelled(args[args.indexOf('-l') + 1] ?? '');
if (verb === 'get' && args.includes('secret')) process.stdout.write(standIn.staffToken);
if (verb === 'exec') run();

function requireNamed(reference: string): void {
  const [kind = '', name = ''] = reference.split('/');
  if (
    !kind.startsWith('app.') &&
    !standIn.objects.some((each) => each.kind.toLowerCase() === kind && each.name === name)
  )
    fail(`there is no ${reference}`);
}

function requireLabelled(selector: string): void {
  const [key = '', value = ''] = selector.split('=');
  const [kind = ''] = args;
  const found = standIn.objects.some(({ labels }) => (labels as Record<string, unknown>)[key] === value);
  if (!found) fail(`no ${kind.replace(PLURALS, '')} has ${selector}`);
}

function run(): void {
  const [, name = ''] = args.find((arg) => arg.startsWith('deployment/'))?.split('/') ?? [];
  const local = command.map((word) => word.replace('http://127.0.0.1:8080', standIn.urls[name] ?? ''));
  const [program = '', ...words] = local;
  const { status } = spawnSync(program, words, {
    stdio: 'inherit',
    env: { ...process.env, STAFF_TOKEN: standIn.staffToken },
  });
  process.exitCode = status ?? 1;
}

function fail(message: string): never {
  process.stderr.write(`error: ${message}\n`);
  process.exit(1);
}
