import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Tools } from './tools.ts';
import { valueArgs, valuesOf, type Wishes } from './values.ts';

export const RELEASE = 'shop';
const CHART = fileURLToPath(new URL('../../charts/tradewind', import.meta.url));

/** The chart, installed by Helm. */
export class Installation implements Disposable {
  readonly #tools: Tools;
  readonly #wishes: Wishes;
  readonly #patience: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tradewind-e2e-'));
  #revision = 0;

  /** @param patienceMs what Helm may take for one thing */
  constructor(tools: Tools, wishes: Wishes, patienceMs: number) {
    this.#tools = tools;
    this.#wishes = wishes;
    this.#patience = `${Math.ceil(patienceMs / 1000)}s`;
  }

  async install(): Promise<void> {
    await this.#tools.helm(['install', RELEASE, CHART, ...this.#values(), ...this.#waiting()]);
  }

  /**
   * Gives every service another configuration. Whoever has scaled a Deployment owns its `replicas` since, so that Helm
   * would refuse; and without `--reset-values` it might go on with values of last time.
   */
  async upgrade(): Promise<void> {
    const how = ['--reset-values', '--force-conflicts', ...this.#waiting()];
    await this.#tools.helm(['upgrade', RELEASE, CHART, ...this.#values(), ...how]);
  }

  test(): Promise<string> {
    return this.#tools.helm(['test', RELEASE, '--logs', '--timeout', this.#patience]);
  }

  async uninstall(): Promise<void> {
    await this.#tools.helm(['uninstall', RELEASE, ...this.#waiting()]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #values(): string[] {
    this.#revision += 1;
    const own = join(this.#folder, 'values.yaml');
    writeFileSync(own, stringify(valuesOf(this.#wishes, this.#revision)));
    return valueArgs(this.#wishes, own);
  }

  #waiting(): string[] {
    return ['--wait', '--timeout', this.#patience];
  }
}
