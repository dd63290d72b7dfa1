import Sequencer from '@jest/test-sequencer';

/** What takes longest comes first: at the end it would keep one worker busy while the other one has nothing to do. */
const LONG = [
  'journeys/outage',
  'journeys/processes',
  'platform/crash',
  'journeys/runbook',
  'journeys/adding-a-service',
  'services/ledger/redrive-outage',
  'services/shipping/auto-dispatch',
  'services/ledger/cli-letters',
  'platform/postgres/replicas',
  'services/storefront/permutations',
  'services/payment/kill',
  'image/image',
  'services/ledger/cli',
  'journeys/saga',
  'services/ledger/cli-events',
  'cluster/verify',
].map((name) => `/test/${name}.test.ts`);

/** Known long ones first, also on a fresh clone, where jest has no durations of its own yet; then as jest has it. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's own method, no array's
    return super.sort(tests).toSorted((one, other) => rank(one.path) - rank(other.path));
  }
}

function rank(path) {
  const place = LONG.findIndex((name) => path.replaceAll('\\', '/').endsWith(name));
  return place < 0 ? LONG.length : place;
}
