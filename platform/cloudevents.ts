import { isUtf8 } from 'node:buffer';
import { problems, type FieldError } from './errors.ts';
import { parseJson, parseJsonToPassOn } from './json.ts';

/**
 * A CloudEvent as it travels: attributes as text (as HTTP binary mode has them) and the data's bytes untouched.
 * The SDK parses JSON data into objects, which a broker must not do: numbers would lose digits.
 */
export interface WireEvent {
  /** Every context attribute by its lower-case name, `specversion` included, `datacontenttype` too. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Buffer | undefined;
}

/** Headers by lower-case name; a list where a header came more than once (`request.headersDistinct` tells). */
export type MessageHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Headers and body of a message in HTTP. */
export interface HttpMessage {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const STRUCTURED = 'application/cloudevents+json';
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;
// RFC 6838 type and subtype, parameters left to the receiver.
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(?:;[\t -~]*)?$/;
// RFC 3339, section 5.6.
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[Tt]\d\d:\d\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const STRING_ATTRIBUTES: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'dataschema',
  'datacontenttype',
]);
// CloudEvents 1.0.2, section 3.1: what a String must not contain; and what no UTF-8 can carry.
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff\p{Surrogate}]/u;
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/;
const URI_REFERENCE = /^[^\s<>"\\^`{|}]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Reads a CloudEvent from an HTTP request, in binary or structured mode (HTTP protocol binding 1.0.2, section 3).
 * @throws Problem 400 naming the header or attribute at fault: no CloudEvent, a batch, a missing or malformed
 * attribute, or data that does not fit its mode.
 */
export function parseEvent(headers: MessageHeaders, body: Buffer): WireEvent {
  const contentType = single('content-type', headers['content-type']);
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (mediaType.startsWith('application/cloudevents-batch')) {
    throw refusal('content-type', 'a batch of events is not taken: send one event per request');
  }
  const event = mediaType.startsWith('application/cloudevents')
    ? fromStructured(mediaType, body)
    : fromBinary(headers, contentType, body);
  const errors = checkAttributes(event.attributes);
  if (errors.length > 0) throw problems.malformed(`not a valid CloudEvent: ${sentence(errors)}`, errors);
  return event;
}

/** Writes an event in binary mode (section 3.1): attributes as `ce-` headers, data as the body. */
export function toBinary(event: WireEvent): HttpMessage {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(event.attributes)) {
    if (name === 'datacontenttype') headers['content-type'] = value;
    else headers[`ce-${name}`] = encodeHeader(value);
  }
  return { headers, body: event.data ?? Buffer.alloc(0) };
}

/** Writes an event in structured mode (section 3.2): one JSON document (JSON event format, section 3). */
export function toStructured(event: WireEvent): HttpMessage {
  const attributes = JSON.stringify(event.attributes);
  const data = dataMember(event);
  const body = data ? `${attributes.slice(0, -1)},${data}}` : attributes;
  return { headers: { 'content-type': `${STRUCTURED}; charset=utf-8` }, body: Buffer.from(body) };
}

/** Whether a media type says JSON; absent counts as JSON (JSON event format, section 3.1). */
export function isJson(datacontenttype: string | undefined): boolean {
  if (datacontenttype === undefined) return true;
  const mediaType = datacontenttype.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^[^/]+\/(?:json|[^/]+\+json)$/.test(mediaType);
}

function fromBinary(headers: MessageHeaders, contentType: string | undefined, body: Buffer): WireEvent {
  if (headers['ce-specversion'] === undefined) {
    throw problems.malformed(
      'not a CloudEvent: send ce-specversion, ce-id, ce-source and ce-type headers, or content-type application/cloudevents+json',
      [{ field: 'ce-specversion', message: 'is missing' }],
    );
  }
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('ce-') || value === undefined) continue;
    if (name === 'ce-datacontenttype') throw refusal(name, 'send content-type instead');
    attributes[name.slice(3)] = decodeHeader(single(name, value) ?? '');
  }
  if (contentType) attributes['datacontenttype'] = contentType;
  return { attributes, data: body.length > 0 ? body : undefined };
}

function single(name: string, value: string | readonly string[] | undefined): string | undefined {
  if (typeof value === 'string' || value === undefined) return value;
  if (value.length > 1) throw refusal(name, 'is there more than once');
  return value[0];
}

function fromStructured(mediaType: string, body: Buffer): WireEvent {
  if (mediaType !== STRUCTURED)
    throw refusal('content-type', `"${mediaType}" is not known; send ${STRUCTURED}`);
  const { data, data_base64: base64, ...rest } = parseObject(body);
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null) attributes[name] = attributeText(name, value);
  }
  return { attributes, data: structuredData(attributes, data, base64) };
}

function parseObject(body: Buffer): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseJsonToPassOn(body);
  } catch {
    throw problems.malformed('the body is no JSON', [
      { field: 'body', message: 'must be a JSON object in UTF-8' },
    ]);
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
    return parsed as Record<string, unknown>;
  throw refusal('body', 'must be a JSON object');
}

function attributeText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (STRING_ATTRIBUTES.has(name)) throw refusal(name, 'must be a string');
  if (typeof value === 'boolean' || (typeof value === 'number' && (value | 0) === value))
    return String(value);
  throw refusal(name, 'must be a string, a boolean or a 32-bit integer');
}

function structuredData(
  attributes: Readonly<Record<string, string>>,
  data: unknown,
  base64: unknown,
): Buffer | undefined {
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined) throw refusal('data_base64', 'must not stand beside data');
    if (typeof base64 !== 'string' || !BASE64.test(base64))
      throw refusal('data_base64', 'must be base64 text');
    return Buffer.from(base64, 'base64');
  }
  if (data === undefined) return undefined;
  if (isJson(attributes['datacontenttype'])) return Buffer.from(JSON.stringify(data));
  if (typeof data === 'string') return Buffer.from(data);
  throw refusal(
    'data',
    `must be a string, because datacontenttype is ${attributes['datacontenttype'] ?? ''}`,
  );
}

function dataMember(event: WireEvent): string | undefined {
  if (!event.data) return undefined;
  const type = event.attributes['datacontenttype'];
  if (isJson(type) && isValidJson(event.data)) return `"data":${event.data.toString('utf8')}`;
  if (type?.startsWith('text/') && isUtf8(event.data))
    return `"data":${JSON.stringify(event.data.toString('utf8'))}`;
  return `"data_base64":"${event.data.toString('base64')}"`;
}

function isValidJson(data: Buffer): boolean {
  try {
    parseJson(data);
    return true;
  } catch {
    return false;
  }
}

/** CloudEvents 1.0.2, sections 3 and 5: the rules that the SDK does not all hold. */
function checkAttributes(attributes: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  const expect = (name: string, fine: boolean, message: string): void => {
    if (!fine) errors.push({ field: name, message });
  };
  const { specversion, id, source, type, subject, time, dataschema, datacontenttype } = attributes;
  expect(
    'specversion',
    specversion === '1.0',
    specversion ? `"${specversion}" is not supported; send 1.0` : 'is missing',
  );
  expect('id', !!id?.trim(), 'is missing or blank');
  expect(
    'source',
    !!source && URI_REFERENCE.test(source),
    source ? 'must be a URI reference' : 'is missing or blank',
  );
  expect('type', !!type?.trim(), 'is missing or blank');
  expect('subject', subject !== '', 'must not be empty: leave it out');
  expect('time', time === undefined || isTimestamp(time), 'must be an RFC 3339 timestamp');
  expect('dataschema', dataschema === undefined || ABSOLUTE_URI.test(dataschema), 'must be an absolute URI');
  expect(
    'datacontenttype',
    datacontenttype === undefined || MEDIA_TYPE.test(datacontenttype),
    'must be a media type',
  );
  for (const [name, value] of Object.entries(attributes)) {
    expect(name, ATTRIBUTE_NAME.test(name), 'attribute names have lower-case letters and digits only');
    expect(name, name !== 'data', 'is no name for an attribute: data is the body');
    expect(name, !FORBIDDEN_CHARACTERS.test(value), 'must not have control characters');
  }
  return errors;
}

function isTimestamp(text: string): boolean {
  const date = TIMESTAMP.exec(text)?.[1];
  if (date === undefined || Number.isNaN(Date.parse(text.toUpperCase()))) return false;
  // Date.parse takes the 30th of February for the 2nd of March.
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
}

/** Section 3.1.3.2: percent-encode everything outside printable ASCII, and `%`, `"` and space. */
function encodeHeader(value: string): string {
  return /^[!#$&-~]*$/.test(value)
    ? value
    : value.replace(/[^!#$&-~]+/gu, (text) => encodeURIComponent(text));
}

/** A stray `%` is taken as it stands: Knative's ingress does not decode at all. */
function decodeHeader(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function refusal(field: string, message: string): Error {
  return problems.malformed(`not a valid CloudEvent: ${field} ${message}`, [{ field, message }]);
}

function sentence(errors: readonly FieldError[]): string {
  return errors.map((error) => `${error.field} ${error.message}`).join('; ');
}
