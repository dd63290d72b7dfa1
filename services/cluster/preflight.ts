import { environment, readConfig, setting } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';
import { ownCluster } from './api-server.ts';
import { insistently } from './insistently.ts';
import { draw, examineBefore } from './doctor/doctor.ts';

/** What the chart's optional Job runs before an install or upgrade: what `npm run doctor` asks of the cluster itself. */
await runUntilStopped(async () => {
  const { EVENTING_SECURITY: security } = readConfig({ EVENTING_SECURITY: setting.text() }, environment());
  const report = await examineBefore(insistently(ownCluster().ask), { oidc: security === 'oidc' });
  process.stdout.write(draw(report));
  if (report.problems.length > 0) process.exitCode = 1;
  return undefined;
});
