/** The fields of a protobuf message, by their numbers. */
export interface Fields {
  has(field: number): boolean;
  /** The last value of a varint or fixed field; 0 where there is none. */
  number(field: number): number;
  /** The last value of a text, bytes or message field; empty where there is none. */
  bytes(field: number): Buffer;
  /** All values of a message field. */
  messages(field: number): Fields[];
}

/**
 * Reads a protobuf message without its schema.
 * @throws Error for a wire type that protobuf 3 does not have
 */
export function fieldsOf(message: Buffer): Fields {
  const values = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = (): number => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(result);
    }
  };
  const take = (length: number): Buffer => message.subarray(at, (at += length));
  const value = (wireType: number): number | Buffer => {
    if (wireType === 0) return varint();
    if (wireType === 1) return Number(take(8).readBigUInt64LE());
    if (wireType === 2) return take(varint());
    if (wireType === 5) return take(4).readUInt32LE();
    throw new Error(`wire type ${wireType} at byte ${at}`);
  };
  while (at < message.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    values.set(field, [...(values.get(field) ?? []), value(tag % 8)]);
  }
  const last = (field: number): number | Buffer | undefined => values.get(field)?.at(-1);
  return {
    has: (field) => values.has(field),
    number: (field) => Number(last(field) ?? 0),
    bytes: (field) => (last(field) as Buffer | undefined) ?? Buffer.alloc(0),
    messages: (field) => (values.get(field) ?? []).map((each) => fieldsOf(each as Buffer)),
  };
}
