import { parseArgs } from 'node:util';

/** What a command line says: every option is a whole number above zero. */
export interface Arguments<Name extends string> {
  readonly values: Readonly<Record<Name, number>>;
  readonly words: readonly string[];
}

/**
 * Reads a command line.
 * @param defaults option → value when it is not given.
 * @param choice words that may stand beside the options.
 * @returns `undefined` when it was wrong or asked for help; that has been answered then.
 */
export function readArguments<Name extends string>(
  usage: string,
  defaults: Readonly<Record<Name, number>>,
  choice: readonly string[] = [],
): Arguments<Name> | undefined {
  try {
    const { help, ...parsed } = parse(Object.keys(defaults), choice);
    if (!help) return { ...parsed, values: { ...defaults, ...parsed.values } };
    console.log(usage);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 1;
  }
  return undefined;
}

function parse(names: readonly string[], choice: readonly string[]) {
  const { values, positionals: words } = parseArgs({
    allowPositionals: choice.length > 0,
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const unknown = words.find((word) => !choice.includes(word));
  if (unknown !== undefined) throw new Error(`there is no "${unknown}": choose of ${choice.join(', ')}`);
  const given = Object.entries(values).filter(([name]) => name !== 'help');
  return {
    help: values['help'],
    words,
    values: Object.fromEntries(given.map(([name, text]) => [name, wholeNumber(name, String(text))])),
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} must be a whole number above zero, not "${text}"`);
}
