import type { Case } from '../stage.ts';

export const selfTest: Case = {
  name: 'helm-test',
  what: 'the test that the chart brings along passes',
  async run({ stage, say }) {
    const said = await stage.selfTest();
    for (const line of said.split('\n').filter((each) => /^(?:order|the|every|placed) /.test(each)))
      say(line);
  },
};

export const uninstall: Case = {
  name: 'uninstall',
  what: 'an uninstalled shop leaves nothing of Knative and no Pod behind',
  skip: ({ uninstall: leave }) => (leave ? undefined : 'there is no cluster to leave'),
  async run({ stage, say }) {
    const left = (await stage.uninstall?.()) ?? [];
    if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}`);
    say('nothing is left');
  },
};
