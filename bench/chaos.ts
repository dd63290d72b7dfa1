import { runChaos } from '../test/support/chaos.ts';
import { readArguments } from './lib/arguments.ts';

const usage = `npm run chaos -- [--orders 200] [--kills 40] [--port-base 29080]

Kills the processes of a shop at random under load, and checks that nothing was lost or done twice.`;

const args = readArguments(usage, { orders: 200, kills: 40, 'port-base': 29_080 });
if (args) {
  const { orders, kills, 'port-base': portBase } = args.values;
  const report = await runChaos({ orders, kills, portBase, log: (line) => console.log(line) });
  console.log(JSON.stringify(report, undefined, 2));
  console.log(report.faults.length === 0 ? 'nothing was lost, nothing was done twice' : 'FAULTS, see above');
  if (report.faults.length > 0) process.exitCode = 1;
}
