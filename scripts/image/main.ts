import { Command } from '@commander-js/extra-typings';
import { fileURLToPath } from 'node:url';
import { buildImage } from './container/build.ts';
import { whyNot } from './container/engine.ts';
import { measureImage } from './container/measure.ts';
import { measureLayout } from './measure.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const program = new Command('npm run image --').description(
  'Builds and measures the image where there is no container engine: with buildah and crun, as root, on Debian.',
);
program
  .command('layout', { isDefault: true })
  .description('lay the files of the image out and time its services, without any of these tools')
  .action(() => measureLayout(root));
program
  .command('build')
  .description('build the image into the store of buildah, as localhost/tradewind:TARGET')
  .argument('[target]', 'runtime or dev', 'runtime')
  .option('--base <image>', 'what to build on, instead of a stand-in made of this machine’s packages')
  .action((target, { base }) => {
    ready();
    const { name, layers } = buildImage(root, target, { base });
    const size = layers.reduce((sum, bytes) => sum + bytes, 0) / 1_000_000;
    console.log(`${name}: ${layers.length} layers, ${size.toFixed(0)} MB, not compressed`);
  });
program
  .command('measure')
  .description('build the image, and time the start of a container of each service')
  .option('--base <image>', 'as above')
  .action(async ({ base }) => {
    ready();
    await measureImage(root, base);
  });
await program.parseAsync();

function ready(): void {
  const reason = whyNot();
  if (reason !== undefined) program.error(`No image can be built here: ${reason}`);
}
