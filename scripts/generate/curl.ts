import { toBinary, type WireEvent } from '../../platform/cloudevents.ts';

/** Where `npm start` puts the broker. */
export const BROKER = 'http://127.0.0.1:8081/default/shop';

export function binaryCurl(event: WireEvent): string {
  const { headers, body } = toBinary(event);
  return curl(headers, pretty(JSON.parse(body.toString())));
}

export function structuredCurl({ attributes, data }: WireEvent): string {
  const document = { ...attributes, data: JSON.parse(data?.toString() ?? 'null') as unknown };
  return curl({ 'content-type': 'application/cloudevents+json' }, pretty(document));
}

function curl(headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `  -H ${quote(`${name}: ${value}`)}`);
  return [`curl -i ${BROKER}`, ...lines, `  -d ${quote(body)}`].join(' \\\n');
}

/** As one word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
