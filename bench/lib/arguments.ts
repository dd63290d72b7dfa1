import { parseArgs } from 'node:util';

const MISUSED = 2;

/** What a command line says. */
export interface Arguments<Name extends string, Text extends string> {
  /** Options that are whole numbers above zero. */
  readonly values: Readonly<Record<Name, number>>;
  /** Options that are any text, where they are given. */
  readonly texts: Readonly<Partial<Record<Text, string>>>;
  readonly words: readonly string[];
}

/**
 * Reads a command line.
 * @param defaults option → value when it is not given.
 * @param choice words that may stand beside the options.
 * @param textOptions options that are no numbers.
 * @returns `undefined` when it was wrong or asked for help; that has been answered then.
 */
export function readArguments<Name extends string, Text extends string = never>(
  usage: string,
  defaults: Readonly<Record<Name, number>>,
  choice: readonly string[] = [],
  textOptions: readonly Text[] = [],
): Arguments<Name, Text> | undefined {
  try {
    const { help, ...parsed } = parse(Object.keys(defaults), textOptions, choice);
    if (!help) return { ...parsed, values: { ...defaults, ...parsed.values } };
    console.log(usage);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = MISUSED;
  }
  return undefined;
}

function parse<Text extends string>(
  names: readonly string[],
  textOptions: readonly Text[],
  choice: readonly string[],
) {
  const { values, positionals: words } = parseArgs({
    allowPositionals: choice.length > 0,
    options: {
      ...Object.fromEntries([...names, ...textOptions].map((name) => [name, { type: 'string' as const }])),
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const unknown = words.find((word) => !choice.includes(word));
  if (unknown !== undefined) throw new Error(`there is no "${unknown}": choose of ${choice.join(', ')}`);
  const given = (options: readonly string[]): [string, string][] =>
    Object.entries(values).flatMap(([name, text]) => (options.includes(name) ? [[name, String(text)]] : []));
  return {
    help: values['help'],
    words,
    texts: Object.fromEntries(given(textOptions)) as Partial<Record<Text, string>>,
    values: Object.fromEntries(given(names).map(([name, text]) => [name, wholeNumber(name, text)])),
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} must be a whole number above zero, not "${text}"`);
}
