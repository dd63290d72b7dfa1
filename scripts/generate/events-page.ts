import { attributesOf, type Attribute } from './attributes.ts';
import { binaryCurl, BROKER, structuredCurl } from './curl.ts';
import type { EventDescription } from './describe.ts';
import { fieldsOf } from './fields.ts';
import { jsonSchema, schemaFile } from './json-schema.ts';
import { code, table } from './markdown.ts';

/** `docs/events.md`: every event for a reader. */
export function eventsPage(events: readonly EventDescription[]): string {
  return `${[intro(), overview(events), commonAttributes(events), ...events.map(section)].join('\n\n')}\n`;
}

function intro(): string {
  return `# Events

Everything that can happen in the shop. This page, the JSON Schemas in [events/](events/) and
[asyncapi.yaml](asyncapi.yaml) are generated from \`events/\` and \`k8s/triggers/\` by \`npm run docs\`; do not edit them.

The curls post to the local broker that \`npm start\` runs, at \`${BROKER}\`.
It answers 202 once the event is stored. Sent a second time an event is a duplicate, which changes nothing: give it
another \`id\` to say it again.

Receivers pass over fields that they do not know. A field may be added within a version; anything else is a new
major version beside the old one.`;
}

function overview(events: readonly EventDescription[]): string {
  const rows = events.map(({ contract, subscribers }) => [
    `[${contract.name}](#${anchor(contract.name)})`,
    contract.emitter,
    list(subscribers),
    contract.classification,
    contract.summary,
  ]);
  return table(['event', 'from', 'delivered to', 'classification', 'meaning'], rows);
}

function commonAttributes(events: readonly EventDescription[]): string {
  const all = new Map(
    events.flatMap(({ contract }) => attributesOf(contract)).map((each) => [each.name, each]),
  );
  const rows = [...all.values()].map(({ name, meaning }) => [code(name), meaning]);
  return `## Attributes

CloudEvents 1.0, in binary mode as \`ce-\` headers (\`datacontenttype\` as \`content-type\`), in structured mode as members
beside \`data\`. A \`confidential\` event carries an address or a contact: it reaches the one service that needs it, and is
archived and logged nowhere.

${table(['attribute', 'meaning'], rows)}`;
}

function section({ contract, subscribers, example }: EventDescription): string {
  const attributes = attributesOf(contract).filter(({ value, field }) => value ?? field);
  const fields = fieldsOf(jsonSchema(contract, 'draft-2020-12')).map((field) => [
    code(field.path) + (field.required ? '' : ' (optional)'),
    field.type,
    field.rules,
    field.meaning,
  ]);
  return `## ${contract.name}

${contract.summary}

From ${contract.emitter}, delivered to ${list(subscribers)}. Classification: ${contract.classification}.
Schema: [${schemaFile(contract)}](events/${schemaFile(contract)}).

${table(
  ['attribute', 'value'],
  attributes.map((each) => [code(each.name), valueOf(each)]),
)}

${table(['field', 'type', 'rules', 'meaning'], fields)}

In binary mode:

${shell(binaryCurl(example))}

In structured mode:

${shell(structuredCurl(example))}`;
}

function valueOf({ value, field }: Attribute): string {
  return value === undefined ? `the \`${field ?? ''}\`` : code(value);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nobody yet' : names.join(', ');
}

function shell(command: string): string {
  return `\`\`\`sh\n${command}\n\`\`\``;
}

/** As GitHub makes it from a heading. */
function anchor(heading: string): string {
  return heading.replaceAll(/[^\w-]/g, '');
}
