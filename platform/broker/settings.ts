import type { z } from 'zod';
import { setting } from '../config.ts';
import { programSettings } from '../settings.ts';

/** The settings of the broker as a process of its own, by environment variable. */
export const brokerSettings = {
  PORT: setting.integer(0, 65_535).default(8081).describe('port of the HTTP server'),
  HOST: setting.text().default('127.0.0.1').describe('address the HTTP server binds to'),
  DATA_DIR: setting.text().default('.data').describe('folder of the database'),
  MANIFESTS: setting.text().default('k8s').describe('folder of the Broker and Trigger manifests'),
  SUBSCRIBERS: setting.addresses().describe('where each Service of the manifests is: name=address, by comma'),
  ...programSettings,
  MAX_EVENT_BYTES: setting
    .integer(1024, 64 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('longest request body'),
  MAX_EVENTS_IN_FLIGHT: setting.integer(1, 100_000).default(5000).describe('more at once are answered 503'),
  MAX_BYTES_IN_FLIGHT: setting
    .integer(1024 * 1024, 4 * 1024 ** 3)
    .default(64 * 1024 * 1024)
    .describe('request bodies at work, in bytes; more are answered 503'),
  SHUTDOWN_GRACE: setting
    .duration()
    .default(5000)
    .describe('longest wait for requests at work when stopping'),
} as const;

export type BrokerSettings = z.infer<z.ZodObject<typeof brokerSettings>>;
