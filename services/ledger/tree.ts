import { vocabulary } from '../../events/index.ts';

/** An event as a story needs it. */
export interface StoryEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly happenedAt: string | null;
  readonly keptAt: string;
  readonly arrivals: number;
}

/** A dead letter as a story needs it. */
export interface StoryLetter {
  readonly seq: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly causationId: string | null;
  readonly happenedAt: string | null;
  readonly diedAt: string;
  readonly confidential: boolean;
  readonly subscriber: string;
  readonly cause: string;
  readonly state: string;
  readonly words: string;
}

/** All that is known of a story, in the order of keeping. */
export interface Story {
  readonly events: readonly StoryEvent[];
  readonly letters: readonly StoryLetter[];
  /** Kept events of other stories that are causes in this one. */
  readonly elsewhere: readonly StoryEvent[];
}

export interface TreeLetter {
  readonly id: number;
  readonly subscriber: string;
  readonly cause: string;
  readonly state: string;
  readonly words: string;
}

/** An event with what it brought about. Of one that is not kept only what others say of it is known. */
export interface TreeNode {
  readonly id: string;
  readonly source?: string;
  readonly type?: string;
  readonly subject?: string;
  readonly time?: string;
  readonly keptAt?: string;
  readonly emitter?: string;
  readonly arrivals: number;
  /** It came more than once. */
  readonly duplicate: boolean;
  /** It is not kept. */
  readonly missing?: true;
  readonly note?: string;
  /** Milliseconds between its cause and it, by their own clocks. */
  readonly afterMs?: number;
  readonly deadLetters: readonly TreeLetter[];
  readonly children: readonly TreeNode[];
}

/** Readers of JSON go no deeper than a few hundred levels: what lies deeper stands at the root, with a note. */
export const MAX_DEPTH = 100;

/** A node while the tree grows. */
interface Growing {
  readonly known: Omit<TreeNode, 'note' | 'afterMs' | 'deadLetters' | 'children'>;
  readonly happenedAt: string | null;
  readonly causationId: string | null;
  /** When it came to be known: the order among siblings. */
  readonly at: string;
  readonly notes: string[];
  readonly deadLetters: TreeLetter[];
  readonly children: TreeNode[];
  parent?: Growing | undefined;
}

const emitters = new Map(vocabulary.map(({ source, emitter }) => [source, emitter]));

/** The story as trees of causes and what followed. Whatever ids say, every event is in it once, and it ends. */
export function treeOf(story: Story): TreeNode[] {
  const nodes = gather(story);
  noteRetold(nodes);
  cutCircles(nodes);
  cutDepth(nodes);
  return grow(nodes);
}

/** Every event once, linked to its cause; what is known only by name becomes a node too. */
function gather({ events, letters, elsewhere }: Story): Growing[] {
  const own = events.map((event) => fromEvent(event));
  const byKey = new Map(own.map((node) => [keyOf(node.known), node]));
  for (const letter of letters) {
    const node = byKey.get(keyOf(letter)) ?? fromLetter(letter);
    if (!byKey.has(keyOf(letter))) own.push(node);
    byKey.set(keyOf(letter), node);
    const { seq, subscriber, cause, state, words } = letter;
    node.deadLetters.push({ id: seq, subscriber, cause, state, words });
  }
  const byId = new Map<string, Growing>();
  for (const node of [...own, ...elsewhere.map(fromElsewhere)]) {
    if (!byId.has(node.known.id)) byId.set(node.known.id, node);
  }
  const all = new Set(own);
  for (const node of own) {
    if (node.causationId === null) continue;
    const cause = byId.get(node.causationId) ?? unknown(node.causationId, node.at);
    byId.set(cause.known.id, cause);
    all.add(cause);
    if (cause === node) node.notes.push('names itself as its cause');
    else node.parent = cause;
  }
  return [...all].toSorted((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}

function fromEvent(event: StoryEvent): Growing {
  const { id, source, type, subject, happenedAt, keptAt, arrivals, causationId } = event;
  const known = {
    ...attributesOf({ id, source, type, subject, happenedAt }),
    keptAt,
    arrivals,
    duplicate: arrivals > 1,
  };
  return { known, happenedAt, causationId, at: keptAt, notes: [], deadLetters: [], children: [] };
}

/** Its own causes belong to its own story. */
function fromElsewhere(event: StoryEvent): Growing {
  const { correlationId } = event;
  const note = correlationId === null ? 'belongs to no story' : `belongs to the story of ${correlationId}`;
  return { ...fromEvent(event), causationId: null, notes: [note] };
}

function fromLetter(letter: StoryLetter): Growing {
  const { happenedAt, causationId, diedAt, confidential } = letter;
  const note = confidential
    ? 'confidential: it is not kept, only that it died'
    : 'not kept: it died before it came to the archive, or is older than that';
  const known = { ...attributesOf(letter), arrivals: 0, duplicate: false, missing: true as const };
  return { known, happenedAt, causationId, at: diedAt, notes: [note], deadLetters: [], children: [] };
}

function unknown(id: string, at: string): Growing {
  const known = { id, arrivals: 0, duplicate: false, missing: true as const };
  const note = 'not kept: it is confidential, older than the archive, or was lost';
  return { known, happenedAt: null, causationId: null, at, notes: [note], deadLetters: [], children: [] };
}

function attributesOf(event: Pick<StoryEvent, 'id' | 'source' | 'type' | 'subject' | 'happenedAt'>) {
  const { id, source, type, subject, happenedAt } = event;
  const emitter = emitters.get(source);
  return {
    id,
    source,
    type,
    ...(subject === null ? {} : { subject }),
    ...(happenedAt === null ? {} : { time: happenedAt }),
    ...(emitter === undefined ? {} : { emitter }),
  };
}

/** One cause makes a source say a thing once; a second time under another id it was handled twice. */
function noteRetold(nodes: readonly Growing[]): void {
  const told = new Map<string, string>();
  for (const { known, causationId, notes } of nodes) {
    if (causationId === null) continue;
    const fact = JSON.stringify([known.source, known.type, known.subject, causationId]);
    const before = told.get(fact);
    if (before === undefined) told.set(fact, known.id);
    else notes.push(`says again what ${before} said`);
  }
}

/** Walks up from every node; whoever comes back to where it was has gone round, and is cut off there. */
function cutCircles(nodes: readonly Growing[]): void {
  const seen = new Map<Growing, Growing>();
  for (const start of nodes) {
    let at: Growing | undefined = start;
    for (; at && !seen.has(at); at = at.parent) seen.set(at, start);
    if (!at || seen.get(at) !== start) continue;
    at.parent = undefined;
    at.notes.push('its causes go round in a circle');
  }
}

function cutDepth(nodes: readonly Growing[]): void {
  const depths = new Map<Growing, number>();
  for (const start of nodes) {
    const path: Growing[] = [];
    for (let at: Growing | undefined = start; at && !depths.has(at); at = at.parent) path.push(at);
    for (const node of path.toReversed()) {
      const depth = node.parent ? (depths.get(node.parent) ?? 0) + 1 : 0;
      depths.set(node, depth % MAX_DEPTH);
      if (depth < MAX_DEPTH) continue;
      node.notes.push(`follows ${node.parent?.known.id}, which is as deep as this goes`);
      node.parent = undefined;
    }
  }
}

function grow(nodes: readonly Growing[]): TreeNode[] {
  const roots: TreeNode[] = [];
  for (const { known, happenedAt, notes, deadLetters, children, parent } of nodes) {
    const afterMs = between(parent?.happenedAt, happenedAt);
    (parent?.children ?? roots).push({
      ...known,
      ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
      ...(afterMs === undefined ? {} : { afterMs }),
      deadLetters,
      children,
    });
  }
  return roots;
}

/** Milliseconds from a cause to its effect, where both say when they happened. */
export function between(cause: string | null | undefined, effect: string | null): number | undefined {
  const ms = Date.parse(effect ?? '') - Date.parse(cause ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function keyOf({ source, id }: { readonly source?: string; readonly id: string }): string {
  return JSON.stringify([source, id]);
}
