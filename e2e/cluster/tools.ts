import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { toolPath, type Tool } from '../../scripts/tools/kubernetes.ts';

const MAX_OUTPUT = 64 * 1024 * 1024;

/** A namespace of a cluster. */
export interface Place {
  /** Context of the kubeconfig; absent within the cluster itself, where there is none. */
  readonly context: string | undefined;
  readonly namespace: string;
}

/** Helm and kubectl in one namespace of one cluster. */
export class Tools {
  readonly place: Place;
  readonly #running = new Set<ChildProcess>();

  constructor(place: Place) {
    this.place = place;
  }

  /** The command by which a person removes the namespace. */
  get removal(): string {
    const { context, namespace } = this.place;
    return `kubectl delete namespace ${namespace}${context === undefined ? '' : ` --context ${context}`}`;
  }

  /** @returns what it wrote to standard output @throws Error with all that it said */
  kubectl(args: readonly string[], input?: string): Promise<string> {
    return this.#run('kubectl', args, input);
  }

  /** @returns what it wrote to standard output @throws Error with all that it said */
  helm(args: readonly string[]): Promise<string> {
    return this.#run('helm', args);
  }

  /** Starts kubectl for as long as it is wanted. */
  async start(args: readonly string[]): Promise<ChildProcess> {
    const path = await toolPath('kubectl');
    const child = spawn(path, this.#at('kubectl', args), { stdio: ['ignore', 'pipe', 'pipe'] });
    return this.#keep(child);
  }

  /** Ends whatever runs. */
  stop(): void {
    for (const child of this.#running) child.kill();
  }

  async #run(tool: Tool, args: readonly string[], input?: string): Promise<string> {
    const path = await toolPath(tool);
    return new Promise((resolve, reject) => {
      const options = { maxBuffer: MAX_OUTPUT };
      const child = execFile(path, this.#at(tool, args), options, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const said = [stdout.trim(), stderr.trim()].filter(Boolean).join('\n') || error.message;
        reject(new Error(`${tool} ${args.slice(0, 2).join(' ')}: ${said}`));
      });
      this.#keep(child);
      // One that has ended early does not read what it was given.
      child.stdin?.on('error', () => undefined).end(input ?? '');
    });
  }

  /** Whatever runs is ended by `stop`. */
  #keep<Child extends ChildProcess>(child: Child): Child {
    this.#running.add(child);
    return child.once('exit', () => this.#running.delete(child));
  }

  #at(tool: Tool, args: readonly string[]): string[] {
    const { context, namespace } = this.place;
    const option = tool === 'helm' ? '--kube-context' : '--context';
    const at = [...(context === undefined ? [] : [option, context]), '--namespace', namespace];
    // What comes behind -- belongs to the program that kubectl runs.
    const end = args.indexOf('--');
    return end < 0 ? [...args, ...at] : [...args.slice(0, end), ...at, ...args.slice(end)];
  }
}
