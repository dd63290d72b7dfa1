import { environment } from '../../../platform/config.ts';
import { runUntilStopped } from '../../../platform/process.ts';
import { startService } from '../../../platform/runtime.ts';
import { readSettings } from '../../../platform/settings.ts';
import { payment } from '../../../services/payment/service.ts';

// A process of its own, so that a test can kill it.
await runUntilStopped(() => startService(payment, readSettings(payment, environment())));
