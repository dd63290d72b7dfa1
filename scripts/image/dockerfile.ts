/** One instruction of a stage: `COPY`, `RUN`, `ENV` and so on. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** A stage of a Dockerfile. */
export interface Stage {
  readonly name: string;
  /** Name of the stage it begins with, or of an image. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** The arguments of a `COPY`. */
export interface Copy {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

/** The stages of a Dockerfile, in order. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const { name, text: rest } of instructionsOf(text)) {
    if (name === 'FROM') {
      const [, base = '', alias = ''] = /^(\S+) AS (\S+)$/i.exec(rest) ?? [];
      stages.push({ name: alias, base, instructions: [] });
    } else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

function instructionsOf(text: string): Instruction[] {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  return lines.flatMap((line) => {
    const [, name, rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    return name ? [{ name, text: rest }] : [];
  });
}

export function parseCopy({ text }: Instruction): Copy {
  const words = text.split(/\s+/);
  const paths = words.filter((word) => !word.startsWith('--'));
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** The variables of an `ENV`. */
export function parseEnv({ text }: Instruction): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([A-Z_]+)=("[^"]*"|\S+)/g)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll('"', ''),
    ]),
  );
}

/** Tells whether a path of the build context is left out, by the patterns of a `.dockerignore`; the last fit decides. */
export function ignores(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ pattern: line.replace(/^!/, ''), out: !line.startsWith('!') }));
  return (path) => rules.findLast(({ pattern }) => fits(pattern, path))?.out ?? false;
}

/** `*` stands for a part of a path; what lies below a folder that fits does so, too. */
function fits(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/').slice(0, wanted.length);
  return (
    given.length === wanted.length && wanted.every((part, index) => part === '*' || part === given[index])
  );
}
