const RTL =
  '[\\p{Script=Hebrew}\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Thaana}\\p{Script=Nko}\\p{Mn}]';
const RUN = new RegExp(`${RTL}+(?:\\s+${RTL}+)*`, 'gu');
const HAS_RTL = new RegExp(RTL.replace('\\p{Mn}', ''), 'u');

/**
 * A line as runs to be drawn from left to right. The font turns the letters of a right-to-left run around; numbers
 * and Latin words beside it keep their own direction, or house number 12 would become 21.
 */
export function visualRuns(line: string): string[] {
  if (!HAS_RTL.test(line)) return [line];
  const runs: string[] = [];
  let end = 0;
  for (const { 0: run, index } of line.matchAll(RUN)) {
    runs.push(...spaced(line.slice(end, index)), run);
    end = index + run.length;
  }
  runs.push(...spaced(line.slice(end)));
  return runs.toReversed();
}

/** The spaces around a text are runs of their own, so that they stay between the same neighbours. */
function spaced(text: string): string[] {
  const [, before = '', middle = '', after = ''] = /^(\s*)(.*?)(\s*)$/su.exec(text) ?? [];
  return [before, middle, after].filter((run) => run !== '');
}
