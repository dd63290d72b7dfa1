import type { Tree, TreeLetter, TreeNews, TreeNode } from './answers.ts';
import type { Look } from './context.ts';
import { COMMAND, shortSubscriber, shortType } from './names.ts';
import { clock, count, cut, span } from './text.ts';

/** A line of the tree: what it is, how long after its cause, and what is remarkable. */
interface Line {
  readonly branch: string;
  readonly name: string;
  readonly after: string;
  readonly marks: string;
  readonly style: 'bold' | 'dim' | 'red';
}

/** The events of one story, each below the one that caused it. */
export function drawTree(tree: Tree, look: Look): string {
  const { correlation, roots, truncated } = tree;
  const letters = roots.flatMap(lettersOf);
  const title = [
    count(tree.events, 'event'),
    ...(tree.deadLetters > 0 ? [count(tree.deadLetters, 'dead letter')] : []),
  ];
  return [
    `${look.paint('bold', correlation)}  ${title.join(', ')}`,
    drawLines(
      roots.flatMap((root) => linesOf(root, '', '', correlation)),
      look,
    ),
    ...(truncated ? [look.paint('yellow', 'There is more than is shown here.')] : []),
    ...nextStep(letters),
  ].join('\n');
}

/** Times stand in one column; what has none is written as it comes. */
function drawLines(lines: readonly Line[], { width, paint }: Look): string {
  const timed = lines.filter(({ after }) => after !== '');
  const names = Math.max(...timed.map(({ branch, name }) => branch.length + name.length), 0);
  const offsets = Math.max(...timed.map(({ after }) => after.length), 0);
  return lines
    .map(({ branch, name, after, marks, style }) => {
      const left = branch.length + name.length;
      const time = after === '' ? '' : after.padStart(names - left + 2 + offsets);
      const room = Math.max(12, width - left - time.length - 2);
      return `${branch}${paint(style, name)}${paint('dim', time)}  ${cut(marks, room)}`.trimEnd();
    })
    .join('\n');
}

function linesOf(node: TreeNode, branch: string, below: string, story: string): Line[] {
  const children = [
    ...node.deadLetters.map((each) => (last: boolean) => [letterLine(each, below + (last ? '└─ ' : '├─ '))]),
    ...node.children.map(
      (each) => (last: boolean) =>
        linesOf(each, below + (last ? '└─ ' : '├─ '), below + (last ? '   ' : '│  '), story),
    ),
  ];
  return [
    nodeLine(node, branch, story),
    ...children.flatMap((draw, index) => draw(index === children.length - 1)),
  ];
}

const MAX_NAME = 60;

function nodeLine(node: TreeNode, branch: string, story: string): Line {
  const { type, subject, arrivals, missing, note } = node;
  const about = subject === undefined || subject === story ? [] : [subject];
  const marks = [...(arrivals > 1 ? [`came ${arrivals} times`] : []), ...(note === undefined ? [] : [note])];
  return {
    branch,
    name: cut([type === undefined ? 'unknown event' : shortType(type), ...about].join('  '), MAX_NAME),
    after: timeOf(node),
    marks: marks.join('; '),
    style: missing ? 'dim' : 'bold',
  };
}

/** How long after its cause, which may have another clock; else when. */
function timeOf({ afterMs, time, keptAt }: TreeNode): string {
  if (afterMs !== undefined) return `${afterMs < 0 ? '−' : '+'}${span(Math.abs(afterMs))}`;
  const at = time ?? keptAt;
  return at === undefined ? '' : clock(at);
}

function letterLine({ id, subscriber, cause, state }: TreeLetter, branch: string): Line {
  return {
    branch,
    name: `✗ dead letter ${id}  ${shortSubscriber(subscriber)}`,
    after: '',
    marks: `${cause}, ${state}`,
    style: state === 'closed' ? 'dim' : 'red',
  };
}

function lettersOf(node: TreeNode): TreeLetter[] {
  return [...node.deadLetters, ...node.children.flatMap(lettersOf)];
}

function nextStep(letters: readonly TreeLetter[]): string[] {
  const open = letters.find(({ state }) => state !== 'closed');
  return open ? [`\nNext: ${COMMAND} dead-letters show ${open.id}`] : [];
}

/** An event of a story as it happens, as far to the right as it is away from its beginning. */
export function drawNews({ keptAt, depth, type, id }: TreeNews, { paint }: Look): string {
  const branch = depth > 0 ? `${'   '.repeat(depth - 1)}└─ ` : '';
  const name = cut(shortType(type), MAX_NAME).padEnd(44 - branch.length);
  return `${paint('dim', clock(keptAt))}  ${branch}${paint('bold', name)}  ${id}`;
}
