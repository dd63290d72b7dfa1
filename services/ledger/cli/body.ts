import { printable, toJson } from './text.ts';

/** The data of an event as a ledger tells it, by how it can be told. */
export interface Body {
  readonly data?: unknown;
  readonly dataText?: string | undefined;
  readonly dataBase64?: string | undefined;
  /** Says that this is not all of it, and where all of it is. */
  readonly note?: string | undefined;
}

/** Data for people to read, safe on a terminal. */
export function bodyOf(body: Body): string {
  const note = body.note === undefined ? '' : `\n(${printable(body.note)})`;
  return textOf(body) + note;
}

function textOf({ data, dataText, dataBase64 }: Body): string {
  if (data !== undefined) return toJson(data);
  if (dataText !== undefined) return printable(dataText);
  return dataBase64 === undefined ? 'none' : `${dataBase64}   (base64)`;
}

/** A shell command that is printed to be copied. */
export function shellText(command: string): string {
  return printable(command) === command
    ? command
    : 'has characters that no terminal should get; --json prints it';
}
