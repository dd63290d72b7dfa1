import { parseArgs } from 'node:util';
import { wholeNumber } from './lib/numbers.ts';
import { runChaos } from '../test/support/chaos.ts';

const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '200' },
    kills: { type: 'string', default: '40' },
    'port-base': { type: 'string', default: '29080' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log('npm run chaos -- [--orders 200] [--kills 40] [--port-base 29080]\n');
  console.log(
    'Kills the processes of a shop at random under load, and checks that nothing was lost or done twice.',
  );
} else {
  const report = await runChaos({
    orders: wholeNumber('orders', values.orders),
    kills: wholeNumber('kills', values.kills),
    portBase: wholeNumber('port-base', values['port-base']),
    log: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, undefined, 2));
  console.log(report.faults.length === 0 ? 'nothing was lost, nothing was done twice' : 'FAULTS, see above');
  if (report.faults.length > 0) process.exitCode = 1;
}
