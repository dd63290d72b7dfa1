import type { Source } from './sources.ts';

/** What the files of one room may import. */
interface Rule {
  readonly room: RegExp;
  /** Targets, by a pattern for the whole of it; `$1` stands for the room's first group. */
  readonly may: readonly string[];
}

const OUTSIDE = ['node:.+', 'npm:.+'];
const CHASSIS = 'platform/(?!broker/).+';

/** The first rule whose room fits a file decides. `platform ← events ← services ← e2e, test, bench`. */
const RULES: readonly Rule[] = [
  { room: /^platform\/contract\.ts$/, may: ['npm:zod'] },
  {
    room: /^platform\/broker\//,
    may: [...OUTSIDE, 'platform/(?!(?:service|runtime|intake|emit|relay|task-runner)\\.ts$).+'],
  },
  { room: /^platform\//, may: [...OUTSIDE, CHASSIS] },
  { room: /^events\//, may: ['npm:zod', 'platform/contract\\.ts', 'events/.+'] },
  { room: /^services\/index\.ts$/, may: ['platform/service\\.ts', 'services/[^/]+/service\\.ts'] },
  { room: /^services\/main\.ts$/, may: [CHASSIS, 'services/index\\.ts'] },
  {
    room: /^services\/local(?:\.ts$|\/)/,
    may: [...OUTSIDE, 'platform/.+', 'services/index\\.ts', 'services/local/.+'],
  },
  { room: /^services\/([^/]+)\/decide\.ts$/, may: ['platform/contract\\.ts', 'events/.+', 'services/$1/.+'] },
  { room: /^services\/([^/]+)\//, may: [...OUTSIDE, CHASSIS, 'events/.+', 'services/$1/.+'] },
  { room: /^scripts\//, may: [...OUTSIDE, 'platform/.+', 'events/.+', 'services/.+', 'scripts/.+'] },
  {
    room: /^e2e\//,
    may: [
      ...OUTSIDE,
      'platform/(?:duration|errors)\\.ts',
      'events/.+',
      'services/cluster/.+',
      'scripts/tools/.+',
      'e2e/.+',
    ],
  },
  {
    room: /^bench\//,
    may: [
      ...OUTSIDE,
      'platform/.+',
      'events/.+',
      'services/.+',
      'scripts/image/dockerfile\\.ts',
      'bench/.+',
      'test/support/.+',
    ],
  },
  {
    room: /^test\/support\//,
    may: [
      ...OUTSIDE,
      'platform/.+',
      'events/.+',
      'services/.+',
      'scripts/(?:tools|image)/.+',
      'test/support/.+',
    ],
  },
  { room: /^test\//, may: ['.+'] },
];

/** Imports against the rules, as `<file> → <target>`; a file without a room is one too. */
export function violations(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, imports }) => {
    const rule = RULES.find(({ room }) => room.test(path));
    const room = rule?.room.exec(path)?.[1] ?? '';
    const allowed = (rule?.may ?? []).map((pattern) => new RegExp(`^(?:${pattern.replace('$1', room)})$`));
    return imports
      .filter(({ target }) => !allowed.some((pattern) => pattern.test(target)))
      .map(({ target }) => `${path} → ${target}`);
  });
}

/** A file and every other of `sources` that is loaded at run time with it. */
export function loadedWith(source: Source, sources: readonly Source[]): Source[] {
  const byPath = new Map(sources.map((each) => [each.path, each]));
  const loaded = new Set([source]);
  for (const { imports } of loaded) {
    for (const { target, typeOnly } of imports) {
      const next = byPath.get(target);
      if (next && !typeOnly) loaded.add(next);
    }
  }
  return [...loaded];
}

/** Cycles among what is loaded at run time, each as the files that it leads through. */
export function cycles(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter(({ typeOnly }) => !typeOnly).map(({ target }) => target),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}
