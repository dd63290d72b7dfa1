import { toBinary, type WireEvent } from '../../platform/cloudevents.ts';
import { asSaid } from './deliver.ts';
import { isText, MAX_SHOWN } from './show.ts';

/** A command for a shell that posts an event again, in binary mode. @param url `undefined`: the shell's `K_SINK` */
export function curlOf(event: WireEvent, url: string | undefined): string {
  const { headers, body } = toBinary(asSaid(event));
  const { pipe, option } = bodyOf(body);
  return [
    `${pipe}curl -i ${url === undefined ? '"$K_SINK"' : quoted(url)}`,
    // Without any, curl would call the data a form.
    ...(headers['content-type'] === undefined ? [`-H 'content-type:'`] : []),
    ...Object.entries(headers).map(
      ([name, value]) => `-H ${quoted(value ? `${name}: ${value}` : `${name};`)}`,
    ),
    option,
  ].join(' \\\n  ');
}

/** What no terminal takes as it is goes through base64, what no command line takes through a file. */
function bodyOf(body: Buffer): { pipe: string; option: string } {
  if (body.length > MAX_SHOWN) return { pipe: '', option: '--data-binary @data' };
  if (isText(body, '\n')) return { pipe: '', option: `--data-raw ${quoted(body.toString('utf8'))}` };
  return { pipe: `printf %s ${body.toString('base64')} | base64 -d | `, option: '--data-binary @-' };
}

/** One word of a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
