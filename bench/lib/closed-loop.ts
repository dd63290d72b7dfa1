import { toldLater, type Accepted, type Load } from './load.ts';

/** What a closed loop did. */
export interface Loop {
  readonly accepted: readonly Accepted[];
  /** Orders captured until the end. */
  readonly done: number;
  readonly seconds: number;
}

/** Orders between placed and captured at any moment. */
const UNDER_WAY = 150;
const LOOK_MS = 50;

/**
 * Keeps a bounded number of orders between placed and captured; what is captured per second is then what the shop
 * sustains.
 * @param captured how many orders were captured since the shop started.
 */
export async function closedLoop(
  load: Load,
  captured: () => Promise<number>,
  forSeconds: number,
): Promise<Loop> {
  const before = await captured();
  const started = performance.now();
  let done = 0;
  const posting: Promise<Accepted>[] = [];
  while (performance.now() - started < forSeconds * 1000) {
    while (posting.length - done < UNDER_WAY) posting.push(toldLater(load.place()));
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
    done = (await captured()) - before;
  }
  const seconds = (performance.now() - started) / 1000;
  return { accepted: await Promise.all(posting), done, seconds };
}
