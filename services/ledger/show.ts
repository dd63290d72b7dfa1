import { isUtf8 } from 'node:buffer';
import { isJson, type WireEvent } from '../../platform/cloudevents.ts';
import { parseJsonToPassOn } from '../../platform/json.ts';

/** Longest data that is shown, in bytes. */
export const MAX_SHOWN = 65_536;

/** Data for people: one of the three, or none. */
export interface Shown {
  /** JSON, every digit kept. */
  readonly data?: unknown;
  readonly dataText?: string;
  readonly dataBase64?: string;
  /** Says that this is not all of it. */
  readonly note?: string;
}

/** Shows data as what it is: JSON, text, or bytes. @param whole where all of it is, for data that is cut */
export function show({ attributes, data }: WireEvent, whole: string): Shown {
  if (!data) return {};
  if (data.length > MAX_SHOWN) {
    const note = `the first ${MAX_SHOWN} of ${data.length} bytes; all of them: GET ${whole}`;
    return { ...asTextOrBytes(upToCharacter(data.subarray(0, MAX_SHOWN))), note };
  }
  if (isJson(attributes['datacontenttype'])) {
    try {
      return { data: parseJsonToPassOn(data) };
    } catch {
      // Labelled JSON, but it is none.
    }
  }
  return asTextOrBytes(data);
}

/** Whether bytes are UTF-8 with no control characters but these. */
export function isText(data: Buffer, allowed: string): boolean {
  return (
    isUtf8(data) && (data.toString('utf8').match(/\p{Cc}/gu) ?? []).every((each) => allowed.includes(each))
  );
}

function asTextOrBytes(data: Buffer): Shown {
  return isText(data, '\t\n\r')
    ? { dataText: data.toString('utf8') }
    : { dataBase64: data.toString('base64') };
}

/** Without the beginning of a last character that was cut in two. */
function upToCharacter(data: Buffer): Buffer {
  for (let length = data.length; length > data.length - 4; length -= 1) {
    if (isUtf8(data.subarray(0, length))) return data.subarray(0, length);
  }
  return data;
}
