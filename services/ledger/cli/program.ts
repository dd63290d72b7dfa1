import { addEventCommands } from './commands-events.ts';
import { addLetterCommands } from './commands-letters.ts';
import { addReplayCommands } from './commands-replays.ts';
import { examples, newRoot, type Root } from './options.ts';

/** The whole command line. */
export function newProgram(): Root {
  const root = newRoot().addHelpText(
    'after',
    examples(
      ['tail', 'watch what happens'],
      ['tree TW-4Q7K2M9XJ3PA', 'the story of one order'],
      ['dead-letters', 'what could not be delivered, and what to do'],
      ["replay 7 --reason 'payment is mended'", 'deliver one of those again'],
      ['dead-letters --help', 'what else one command can do'],
    ),
  );
  addEventCommands(root);
  addLetterCommands(root);
  addReplayCommands(root);
  return root;
}
